// SPDX-License-Identifier: Apache-2.0
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { damagedRow, isRowSound, sumOfRow } from "./row-sum.ts";
import type { SqlStatements } from "./sql-statements.ts";
import { onDisk } from "./system-fault.ts";

export interface ActionRow {
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

/** Not WITHOUT ROWID: of rows of some thousand bytes such a table leaves a third of its pages empty. */
export const actionSchema = `
  CREATE TABLE actions (
    key BLOB NOT NULL UNIQUE, operation TEXT NOT NULL, inputs BLOB NOT NULL, result BLOB NOT NULL,
    sum INTEGER NOT NULL
  );
`;

/** Results from this length on are deflated: those name hundreds of digests in hexadecimal, most of them twice. */
const deflatedCharsMin = 512;
const reachesNothing = "{}";

/** Remembered actions in the store's index. */
export class ActionTable {
  readonly #sql: SqlStatements;

  constructor(sql: SqlStatements) {
    this.#sql = sql;
  }

  /** One whose row is damaged is not remembered. */
  get(key: Digest): ActionTexts | undefined {
    const row = this.#sql.get("SELECT operation, inputs, result, sum FROM actions WHERE key = ?", digestBytes(key));
    if (row === undefined || !isActionSound(digestBytes(key), row)) return undefined;
    return decodeResult(row[2] as string | Uint8Array);
  }

  put(row: ActionRow & ActionTexts & { readonly operation: string }): void {
    const inputs = row.reaches === reachesNothing ? row.inputs.map((input) => digestBytes(input)) : [];
    const [key, values] = [digestBytes(row.key), [row.operation, Buffer.concat(inputs), encodeResult(row)] as const];
    const sql = "INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?)";
    onDisk("write the store's index", () => this.#sql.run(sql, key, ...values, sumOfRow(key, values)));
  }

  list(): ActionRow[] {
    return this.#sql.all("SELECT key, operation, inputs, result, sum FROM actions").map(([key, ...row]) => {
      if (!isActionSound(key, row)) throw damagedRow("an action");
      const [, inputs, result] = row;
      return {
        key: digestFromBytes(key as Uint8Array),
        inputs: decodeDigests(inputs as Uint8Array),
        reaches: decodeResult(result as string | Uint8Array).reaches,
      };
    });
  }

  remove(key: Digest): void {
    this.#sql.run("DELETE FROM actions WHERE key = ?", digestBytes(key));
  }

  count(): number {
    return this.#sql.get("SELECT count(*) FROM actions")?.[0] as number;
  }
}

/** `row`: operation, inputs, result, sum. */
function isActionSound(key: unknown, row: readonly unknown[]): boolean {
  return isRowSound(key, row.slice(0, -1), row.at(-1));
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

/** Parses digests back to back, 32 bytes each. */
export function decodeDigests(bytes: Uint8Array): Digest[] {
  const digests: Digest[] = [];
  for (let at = 0; at < bytes.length; at += 32) digests.push(digestFromBytes(bytes.subarray(at, at + 32)));
  return digests;
}
