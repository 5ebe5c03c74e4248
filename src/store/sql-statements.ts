// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { isSystemError } from "../base/index.ts";
import { damagedRow } from "./row-sum.ts";
import { onDisk } from "./system-fault.ts";

export type SqlValue = string | number | Uint8Array | null;
export type SqlRow = readonly unknown[];

/** Statements of the store's index, each prepared once; rows are arrays of columns. */
export class SqlStatements {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    const row = reading(() => this.prepare(sql).get(...values));
    return row as unknown as SqlRow | undefined;
  }

  all(sql: string, ...values: SqlValue[]): readonly SqlRow[] {
    return reading(() => this.prepare(sql).all(...values) as unknown as SqlRow[]);
  }

  /** Row by row; other statements may run meanwhile, but not this one. */
  *iterate(sql: string, ...values: SqlValue[]): Generator<SqlRow, void, void> {
    const rows = this.prepare(sql).iterate(...values) as unknown as Iterator<SqlRow>;
    try {
      for (;;) {
        const next = reading(() => rows.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      rows.return?.();
    }
  }

  run(sql: string, ...values: SqlValue[]): void {
    onDisk("write the store's index", () => this.prepare(sql).run(...values));
  }

  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function reading<T>(step: () => T): T {
  return onDisk("read the store's index", () => {
    try {
      return step();
    } catch (error) {
      // Nobody wrote a number that JavaScript does not have.
      throw isSystemError(error, "ERR_OUT_OF_RANGE") ? damagedRow("a number") : error;
    }
  });
}
