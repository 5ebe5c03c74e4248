// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { AshlarError } from "../base/index.ts";
import type { SqlRow, SqlStatements } from "./sql-statements.ts";

/** Kinds of values, a byte each. */
const kinds = { null: 0, number: 1, text: 2, bytes: 3 };
/** Most rows fit, and take one call: the sums of millions of rows are made of a few microseconds each. */
const scratch = Buffer.allocUnsafe(1024);
const headBytes = 9;

/**
 * The CRC-32 of a row of the index: of its values as they are read, or of the first `count`. SQLite has no sums of
 * its pages: a flipped bit inside a value, or one that leads from a key to the row of another, would pass for what was
 * written.
 */
export function sumOfRow(values: SqlRow, count = values.length): number {
  let sum = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (at + headBytes > scratch.length) [sum, at] = [crc32(scratch.subarray(0, at), sum), 0];
    // With its kind and length, so that no byte can change from one value to the next.
    if (typeof value === "number") {
      scratch[at] = kinds.number;
      at = scratch.writeDoubleLE(value, at + 1);
      continue;
    }
    const bytes = bytesOf(value);
    scratch[at] = value === null ? kinds.null : value instanceof Uint8Array ? kinds.bytes : kinds.text;
    at = scratch.writeDoubleLE(bytes.length, at + 1);
    if (at + bytes.length <= scratch.length) {
      scratch.set(bytes, at);
      at += bytes.length;
    } else {
      sum = crc32(bytes, crc32(scratch.subarray(0, at), sum));
      at = 0;
    }
  }
  return crc32(scratch.subarray(0, at), sum);
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return Buffer.from(value === null ? "" : String(value));
}

/** Tells whether a row, with its sum as the last column, is what was written. */
export function isRowSound(row: SqlRow): boolean {
  return sumOfRow(row, row.length - 1) === row.at(-1);
}

/** What reading a damaged row ends in. */
export function damagedRow(what: string): AshlarError {
  return new AshlarError("STORE_INDEX_DAMAGED", `Cannot read the store's index: its row of ${what} is damaged`, {
    hint: "run `ashlar store fsck --repair`",
  });
}

/** By table: what its rows are called, what they are known by, and all that its sums are of. */
const tables = [
  ["packs", "pack", "id", "number, id, size, compressor, sum"],
  ["contents", "content", "digest", "number, digest, size, crc64, offset, stored, crc32, frames, pieces, sum"],
  ["actions", "action", "key", "key, operation, inputs, result, sum"],
] as const;

export interface DamagedRow {
  /** The content whose row it is; else the index itself. */
  readonly what: string;
  readonly why: string;
}

/**
 * The rows of the index that are not what was written; with `drop` they are removed. Throws `STORE_INDEX_DAMAGED`
 * where a number is none that anybody wrote.
 */
export function findDamagedRows(sql: SqlStatements, { drop }: { readonly drop: boolean }): DamagedRow[] {
  const damaged: DamagedRow[] = [];
  const numbers: [table: string, number: number][] = [];
  for (const [table, what, name, columns] of tables) {
    for (const [number, key, ...row] of sql.iterate(`SELECT number, ${name}, ${columns} FROM ${table}`)) {
      if (isRowSound(row)) continue;
      damaged.push(told(what, key));
      numbers.push([table, number as number]);
    }
  }
  // Not while they are read.
  if (drop) for (const [table, number] of numbers) sql.run(`DELETE FROM ${table} WHERE number = ?`, number);
  return damaged;
}

function told(kind: string, key: unknown): DamagedRow {
  const shown = key instanceof Uint8Array ? Buffer.from(key).toString("hex") : String(key);
  if (kind === "content" && /^[0-9a-f]{64}$/.test(shown)) {
    return { what: `sha256:${shown}`, why: "its row in the index is not what was written" };
  }
  return { what: "index.sqlite", why: `the row of ${kind} ${shown} is not what was written` };
}
