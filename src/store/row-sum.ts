// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { AshlarError } from "../base/index.ts";
import type { SqlStatements, SqlValue } from "./sql-statements.ts";

/**
 * The CRC-32 of a row of the index: of its key, and of the values as they are read. SQLite has no sums of its pages: a
 * flipped bit inside a value, or one that leads from a key to the row of another, would pass for what was written.
 */
export function sumOfRow(key: unknown, values: readonly unknown[]): number {
  let sum = crc32(bytesOf(key));
  for (const value of values) {
    // With its length and kind, so that no byte can change from one value to the next.
    const bytes = bytesOf(value);
    sum = crc32(bytes, crc32(`${typeof value} ${bytes.length} `, sum));
  }
  return sum;
}

/** Tells whether a row is what was written. */
export function isRowSound(key: unknown, values: readonly unknown[], sum: unknown): boolean {
  return sumOfRow(key, values) === sum;
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value));
}

/** What reading a damaged row ends in. */
export function damagedRow(what: string): AshlarError {
  return new AshlarError("STORE_INDEX_DAMAGED", `Cannot read the store's index: its row of ${what} is damaged`, {
    hint: "run `ashlar store fsck --repair`",
  });
}

/** By table: what its rows are called, and their key, other columns and sum. */
const tables = [
  ["packs", "pack", "id, size, compressor, sum"],
  ["contents", "content", "digest, size, crc64, pack, offset, stored, crc32, frames, pieces, sum"],
  ["actions", "action", "key, operation, inputs, result, sum"],
] as const;

export interface DamagedRow {
  /** The content whose row it is; else the index itself. */
  readonly what: string;
  readonly why: string;
}

/** The rows of the index that are not what was written; with `drop` they are removed. */
export function findDamagedRows(sql: SqlStatements, { drop }: { readonly drop: boolean }): DamagedRow[] {
  const damaged: DamagedRow[] = [];
  for (const [table, what, columns] of tables) {
    const keys: unknown[] = [];
    for (const [key, ...row] of sql.iterate(`SELECT ${columns} FROM ${table}`)) {
      if (!isRowSound(key, row.slice(0, -1), row.at(-1))) keys.push(key);
    }
    const keyColumn = columns.slice(0, columns.indexOf(","));
    for (const key of keys) {
      const name = key instanceof Uint8Array ? Buffer.from(key).toString("hex") : String(key);
      const isContent = table === "contents" && name.length === 64;
      damaged.push(
        isContent
          ? { what: `sha256:${name}`, why: "its row in the index is not what was written" }
          : { what: "index.sqlite", why: `the row of ${what} ${name} is not what was written` },
      );
      if (drop) sql.run(`DELETE FROM ${table} WHERE ${keyColumn} IS ?`, key as SqlValue);
    }
  }
  return damaged;
}
