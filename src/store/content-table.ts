// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal, type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { DigestSet } from "./digest-set.ts";
import { contentColumns, contentRow, joinRow, parseRow, piecesOfRow } from "./index-rows.ts";
import type { JoinedContent, PackedContent, PackTable } from "./pack-format.ts";
import { damagedRow } from "./row-sum.ts";
import type { SqlRow, SqlStatements } from "./sql-statements.ts";

/** More than a pack's table can list: the rows of a pack are numbered from its own number times this on. */
const rowsPerPack = 2 ** 22;

/**
 * Rows lie in the order of packs and places, so that a pack's are one stretch of the table; what finds one by its
 * digest holds 8 bytes of it.
 */
export const contentSchema = `
  CREATE TABLE contents (
    number INTEGER PRIMARY KEY, digest BLOB NOT NULL, size INTEGER NOT NULL, crc64 BLOB NOT NULL,
    offset INTEGER NOT NULL, stored INTEGER NOT NULL, crc32 INTEGER NOT NULL, frames BLOB, pieces BLOB,
    sum INTEGER NOT NULL
  );
  CREATE INDEX joins ON contents (number) WHERE pieces IS NOT NULL;
`;
const findSchema = "CREATE INDEX digests ON contents (substr(digest, 1, 8))";
const isDigest = "substr(digest, 1, 8) = substr(?1, 1, 8) AND digest = ?1";
/** Rows of a pack that is gone are as good as gone: gc removes packs at once and their rows when there is time. */
const isHere = "EXISTS (SELECT 1 FROM packs WHERE packs.number = contents.number >> 22)";

/** Rows that are read at a time: nothing else is open meanwhile, so who reads may write. */
const rowsAtOnce = 4096;

/** As much of a row as tells whether and how the content stays. */
export interface ContentRow {
  readonly number: number;
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  /** How many bytes of its pack's table it takes, about. */
  readonly tableBytes: number;
  readonly isJoin: boolean;
}

export interface FoundRow {
  readonly pack: number;
  readonly content: PackedContent | JoinedContent;
}

interface Range {
  readonly where?: string;
  readonly pack?: number;
}

/** Where contents lie: the large table of the store's index. */
export class ContentTable {
  readonly #sql: SqlStatements;
  /** While a new table is filled: the digests that it has. */
  #filled: DigestSet | undefined;

  constructor(sql: SqlStatements) {
    this.#sql = sql;
  }

  /** For a new table: what finds rows is made by `finish`, because sorting all at once is cheaper. */
  fill(): void {
    this.#filled = new DigestSet();
  }

  finish(): void {
    this.#filled = undefined;
    this.#sql.run(findSchema);
  }

  get(digest: Digest): FoundRow | undefined {
    const sql = `SELECT ${contentColumns} FROM contents WHERE ${isDigest} AND ${isHere}`;
    const row = this.#sql.get(sql, digestBytes(digest));
    return row === undefined ? undefined : foundRow(row);
  }

  /** The pieces of a joined content as they are written; undefined where it is none. */
  piecesOf(digest: Digest): Uint8Array | undefined {
    const sql = `SELECT ${contentColumns} FROM contents WHERE ${isDigest} AND ${isHere} AND pieces IS NOT NULL`;
    const row = this.#sql.get(sql, digestBytes(digest));
    return row === undefined ? undefined : piecesOfRow(row);
  }

  /** The contents whose digests begin with these hexadecimal digits, an even number of them, in their order. */
  withPrefix(hex: string): Digest[] {
    const [low, high] = ["0", "f"].map((digit) => Buffer.from(hex.padEnd(64, digit), "hex")) as [Buffer, Buffer];
    const sql = `
      SELECT digest FROM contents
      WHERE substr(digest, 1, 8) BETWEEN substr(?1, 1, 8) AND substr(?2, 1, 8) AND digest BETWEEN ?1 AND ?2
        AND ${isHere}
    `;
    const found = this.#sql.all(sql, low, high).map(([digest]) => digestFromBytes(digest as Uint8Array));
    return found.sort(compareOrdinal);
  }

  /** The rows of a pack, in order; what is changed meanwhile may be among them or not. */
  *rows(pack: number): Iterable<FoundRow> {
    for (const row of this.#rows(contentColumns, { pack })) yield foundRow(row);
  }

  *joins(): Iterable<FoundRow> {
    for (const row of this.#rows(contentColumns, { where: "pieces IS NOT NULL" })) yield foundRow(row);
  }

  joinTotals(): { readonly count: number; readonly bytes: number } {
    const sql = "SELECT count(*), total(size) FROM contents WHERE pieces IS NOT NULL";
    const [count, bytes] = this.#sql.get(sql) as [number, number];
    return { count, bytes };
  }

  /** Contents of packs that never were. */
  strays(): Digest[] {
    const last = "(SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'packs')";
    const sql = `SELECT digest FROM contents WHERE number >= (${last} + 1) << 22`;
    return this.#sql.all(sql).map(([digest]) => digestFromBytes(digest as Uint8Array));
  }

  /** The rows of a pack without what it takes to read contents, and without looking at their sums. */
  *bareRows(pack: number): Iterable<ContentRow> {
    const table = "64 + ifnull(length(frames), 0) + ifnull(length(pieces), 0)";
    for (const row of this.#rows(`number, digest, size, stored, ${table}, pieces IS NOT NULL`, { pack })) {
      const [number, digest, ...sizes] = row as [number, Uint8Array, number, number, number, number];
      const [sizeBytes, storedBytes, tableBytes, isJoin] = sizes;
      if (!(digest instanceof Uint8Array) || digest.length !== 32) throw damagedRow(`pack ${pack}`);
      yield { number, digest, sizeBytes, storedBytes, tableBytes, isJoin: isJoin === 1 };
    }
  }

  *#rows(wanted: string, { where = "true", pack }: Range): Iterable<SqlRow> {
    const sql = `
      SELECT ${wanted} FROM contents WHERE ${where} AND number >= ? AND number < ? ORDER BY number LIMIT ${rowsAtOnce}
    `;
    const end = pack === undefined ? Number.MAX_SAFE_INTEGER : (pack + 1) * rowsPerPack;
    for (let next = (pack ?? 0) * rowsPerPack; ; ) {
      const rows = this.#sql.all(sql, next, end);
      yield* rows;
      if (rows.length < rowsAtOnce) return;
      next = (rows.at(-1)?.[0] as number) + 1;
    }
  }

  /**
   * Adds what a pack lists. Where a content is known already, the older place stays, unless `prefer`. A join gives
   * way to the content itself, and to a newer join, whose pieces are here. While a new table is filled nothing gives
   * way: false where something would have to, and the pack is to be added again after `finish`.
   */
  add(pack: number, { contents, joins }: PackTable, options: { readonly prefer?: boolean } = {}): boolean {
    // What stands in the place of another is a row that was damaged.
    const sql = `INSERT OR REPLACE INTO contents (${contentColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    let number = pack * rowsPerPack;
    let isWhole = true;
    const isFree = (digest: Digest, prefer: boolean): boolean => {
      const free = this.#makeRoom(digest, number, prefer);
      if (!free) isWhole = false;
      return free;
    };
    for (const content of contents) {
      if (isFree(content.digest, options.prefer === true)) this.#sql.run(sql, ...contentRow(content, number));
      number++;
    }
    for (const join of joins) {
      if (isFree(join.digest, false)) this.#sql.run(sql, ...joinRow(join, number));
      number++;
    }
    return isWhole || this.#filled === undefined;
  }

  /** Removes what gives way to a row of this number; false where the row is not to be added. */
  #makeRoom(digest: Digest, number: number, prefer: boolean): boolean {
    if (this.#filled !== undefined) {
      if (this.#filled.has(digest)) return false;
      this.#filled.add(digest);
      return true;
    }
    const sql = `SELECT number, pieces IS NULL AND ${isHere} FROM contents WHERE ${isDigest}`;
    const [known, isStored] = (this.#sql.get(sql, digestBytes(digest)) ?? []) as [number?, number?];
    if (known === undefined) return true;
    if (known === number || (isStored === 1 && !prefer)) return false;
    this.removeRow(known);
    return true;
  }

  remove(digest: Digest): void {
    this.#sql.run(`DELETE FROM contents WHERE ${isDigest}`, digestBytes(digest));
  }

  digestOfRow(number: number): Digest | undefined {
    const row = this.#sql.get("SELECT digest FROM contents WHERE number = ?", number);
    return row === undefined ? undefined : digestFromBytes(row[0] as Uint8Array);
  }

  removeRow(number: number): void {
    this.#sql.run("DELETE FROM contents WHERE number = ?", number);
  }

  removePack(pack: number): void {
    const sql = "DELETE FROM contents WHERE number >= ? AND number < ?";
    this.#sql.run(sql, pack * rowsPerPack, (pack + 1) * rowsPerPack);
  }

  /** Removes some rows of packs that are gone; false when none were left. */
  removeSomeLost(packs: ReadonlySet<number>): boolean {
    for (let next = 0; ; ) {
      const row = this.#sql.get("SELECT number FROM contents WHERE number >= ? ORDER BY number LIMIT 1", next);
      if (row === undefined) return false;
      const pack = packOfRow(row[0] as number);
      next = (pack + 1) * rowsPerPack;
      if (packs.has(pack)) continue;
      const sql = `
        DELETE FROM contents WHERE number IN
          (SELECT number FROM contents WHERE number >= ? AND number < ? ORDER BY number LIMIT ${rowsAtOnce})
      `;
      this.#sql.run(sql, pack * rowsPerPack, next);
      return true;
    }
  }

  /** The bytes of joined contents are those of their pieces. */
  counts(): { readonly contents: number; readonly contentBytes: number } {
    const sql = "SELECT count(*), total(size) FILTER (WHERE pieces IS NULL) FROM contents";
    const [contents, contentBytes] = this.#sql.get(sql) as [number, number];
    return { contents, contentBytes };
  }
}

function foundRow(row: SqlRow): FoundRow {
  return { pack: packOfRow(row[0] as number), content: parseRow(row) };
}

function packOfRow(number: number): number {
  return Math.floor(number / rowsPerPack);
}
