// SPDX-License-Identifier: Apache-2.0
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { decodeDigests } from "./index-rows.ts";
import { damagedRow, isRowSound, sumOfRow } from "./row-sum.ts";
import type { SqlStatements } from "./sql-statements.ts";
import { onDisk } from "./system-fault.ts";

export interface ActionRow {
  readonly number: number;
  readonly key: Digest;
  /** None where the result reaches something: that alone decides how long the action stays. */
  readonly inputs: readonly Digest[];
  readonly reaches: string;
}

/** As much as is kept of a result: two texts of one line each. */
export interface ActionTexts {
  readonly value: string;
  readonly reaches: string;
}

/**
 * Not WITHOUT ROWID: of rows of some thousand bytes such a table leaves a third of its pages empty. An action that is
 * put again gets a new number, never one that was used.
 */
export const actionSchema = `
  CREATE TABLE actions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,
    operation TEXT NOT NULL, inputs BLOB NOT NULL, result BLOB NOT NULL, sum INTEGER NOT NULL
  );
`;

/** Results from this length on are deflated: those name hundreds of digests in hexadecimal, most of them twice. */
const deflatedCharsMin = 512;
const reachesNothing = "{}";
/** All but the number, which a row gets when it is written. */
const columns = "key, operation, inputs, result, sum";
/** Results are some kilobytes long. */
const rowsAtOnce = 256;

/** Remembered actions in the store's index. */
export class ActionTable {
  readonly #sql: SqlStatements;

  constructor(sql: SqlStatements) {
    this.#sql = sql;
  }

  /** One whose row is damaged is not remembered. */
  get(key: Digest): ActionTexts | undefined {
    const row = this.#sql.get(`SELECT ${columns} FROM actions WHERE key = ?`, digestBytes(key));
    return row === undefined || !isRowSound(row) ? undefined : decodeResult(row[3] as string | Uint8Array);
  }

  put(row: Omit<ActionRow, "number"> & ActionTexts & { readonly operation: string }): void {
    const inputs = row.reaches === reachesNothing ? row.inputs.map((input) => digestBytes(input)) : [];
    const values = [digestBytes(row.key), row.operation, Buffer.concat(inputs), encodeResult(row)] as const;
    const sql = `INSERT OR REPLACE INTO actions (${columns}) VALUES (?, ?, ?, ?, ?)`;
    onDisk("write the store's index", () => this.#sql.run(sql, ...values, sumOfRow(values)));
  }

  /**
   * Every action put after the one of a number, in that order; those that are put meanwhile may be among them. Throws
   * `STORE_INDEX_DAMAGED`.
   */
  *list(after = 0): Iterable<ActionRow> {
    const sql = `SELECT number, ${columns} FROM actions WHERE number > ? ORDER BY number LIMIT ${rowsAtOnce}`;
    for (let last = after; ; ) {
      const rows = this.#sql.all(sql, last);
      for (const [number, ...row] of rows as [number, ...unknown[]][]) {
        if (!isRowSound(row)) throw damagedRow("an action");
        const [key, , inputs, result] = row as [Uint8Array, string, Uint8Array, string | Uint8Array];
        const { reaches } = decodeResult(result);
        yield { number, key: digestFromBytes(key), inputs: decodeDigests(inputs), reaches };
        last = number;
      }
      if (rows.length < rowsAtOnce) return;
    }
  }

  /** The number of the action that was put last, 0 where there is none. */
  lastNumber(): number {
    return this.#sql.get("SELECT ifnull(max(number), 0) FROM actions")?.[0] as number;
  }

  /** Removes the action of a number; none where it was put again since. */
  remove(number: number): void {
    this.#sql.run("DELETE FROM actions WHERE number = ?", number);
  }

  count(): number {
    return this.#sql.get("SELECT count(*) FROM actions")?.[0] as number;
  }
}

function encodeResult({ reaches, value }: ActionTexts): string | Uint8Array {
  const text = `${reaches}\n${value}`;
  return text.length < deflatedCharsMin ? text : deflateRawSync(text);
}

function decodeResult(column: string | Uint8Array): ActionTexts {
  const text = typeof column === "string" ? column : inflateRawSync(column).toString("utf8");
  const end = text.indexOf("\n");
  return { reaches: text.slice(0, end), value: text.slice(end + 1) };
}
