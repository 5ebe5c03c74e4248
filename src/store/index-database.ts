// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync } from "node:sqlite";

import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { actionSchema, ActionTable, decodeDigests } from "./action-table.ts";
import { createDatabase, openDatabase, runTransaction } from "./database-file.ts";
import type { PackFile } from "./pack-file.ts";
import { type JoinedContent, type PackedContent, type PackedFrame, storedBytesOf } from "./pack-format.ts";
import { type DamagedRow, damagedRow, findDamagedRows, isRowSound, sumOfRow } from "./row-sum.ts";
import { type SqlRow, SqlStatements, type SqlValue } from "./sql-statements.ts";
import { onDisk } from "./system-fault.ts";

/** Where a content lies. */
export interface Location {
  readonly pack: PackRow;
  readonly content: PackedContent;
}

/** Which pack lists a join. */
export interface JoinLocation {
  readonly pack: PackRow;
  readonly join: JoinedContent;
}

export interface PackRow {
  /** Never used twice in the life of an index. */
  readonly number: number;
  readonly id: Digest;
  readonly sizeBytes: number;
  readonly compressor: string;
}

/** Raised whenever the tables change; an index of another version is made anew from the packs. */
const schemaVersion = 3;
const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, compressor TEXT NOT NULL,
    sum INTEGER NOT NULL
  );
  CREATE TABLE contents (
    digest BLOB PRIMARY KEY, size INTEGER NOT NULL, crc64 TEXT NOT NULL, pack INTEGER NOT NULL,
    offset INTEGER NOT NULL, stored INTEGER NOT NULL, crc32 INTEGER NOT NULL, frames BLOB, pieces BLOB,
    sum INTEGER NOT NULL
  ) WITHOUT ROWID;
  ${actionSchema}
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * The database of what can be found again: where contents lie (out of the packs) and remembered actions (by
 * doing them again). Not synced at each commit; what a power failure takes is put back at the next opening.
 */
export class IndexDatabase {
  readonly actions: ActionTable;
  readonly #database: DatabaseSync;
  readonly #sql: SqlStatements;
  readonly #packs = new Map<number, PackRow>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = new SqlStatements(database);
    this.actions = new ActionTable(this.#sql);
    database.exec("PRAGMA synchronous = NORMAL");
  }

  /** Opens a finished index of this version; undefined where there is none or it is damaged. */
  static open(path: string): IndexDatabase | undefined {
    return openDatabase(path, schemaVersion, (database) => new IndexDatabase(database));
  }

  /** Makes an empty index in place of what is there. The caller sees to it that nobody else does. */
  static create(path: string, mode?: number): IndexDatabase {
    return new IndexDatabase(createDatabase(path, schema, mode));
  }

  /** Runs some changes as one: all or none. */
  transaction<T>(step: () => T): T {
    return onDisk("write the store's index", () => runTransaction(this.#database, step));
  }

  getMeta(name: string): string | undefined {
    return this.#sql.all("SELECT value FROM meta WHERE name = ?", name)[0]?.[0] as string | undefined;
  }

  setMeta(name: string, value: string): void {
    this.#sql.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value);
  }

  /** The contents whose digests begin with these bytes, in their order. */
  withPrefix(hex: string): Digest[] {
    const [low, high] = ["0", "f"].map((digit) => Buffer.from(hex.padEnd(64, digit), "hex")) as [Buffer, Buffer];
    const sql = "SELECT digest FROM contents WHERE digest BETWEEN ? AND ? ORDER BY digest";
    return this.#sql.all(sql, low, high).map(([digest]) => digestFromBytes(digest as Uint8Array));
  }

  locate(digest: Digest): Location | JoinLocation | undefined {
    const row = this.#sql.get(`SELECT ${columns} FROM contents WHERE digest = ?`, digestBytes(digest));
    return row === undefined ? undefined : this.#locationOf(digest, row);
  }

  /** Every content that is not joined, ordered by pack and place. */
  locations(): Location[] {
    return this.#locations("pieces IS NULL").filter((location) => "content" in location);
  }

  joins(): JoinLocation[] {
    return this.#locations("pieces IS NOT NULL").filter((location) => "join" in location);
  }

  #locations(condition: string): (Location | JoinLocation)[] {
    const sql = `SELECT ${columns}, digest FROM contents WHERE ${condition} ORDER BY pack, offset`;
    return this.#sql.all(sql).flatMap((row) => this.#locationOf(digestFromBytes(row.at(-1) as Uint8Array), row) ?? []);
  }

  /** The same with joins, row by row; with `packs` only those of the packs of these numbers. */
  *each(packs?: readonly number[]): Generator<Location | JoinLocation, void, void> {
    const condition = packs === undefined ? "" : "WHERE pack IN (SELECT value FROM json_each(?))";
    const sql = `SELECT ${columns}, digest FROM contents ${condition} ORDER BY pack, offset`;
    for (const row of this.#sql.iterate(sql, ...(packs === undefined ? [] : [JSON.stringify(packs)]))) {
      const location = this.#locationOf(digestFromBytes(row.at(-1) as Uint8Array), row);
      if (location !== undefined) yield location;
    }
  }

  /** Every join, row by row, in no order. */
  *eachJoin(): Generator<JoinedContent, void, void> {
    const sql = `SELECT ${columns}, digest FROM contents WHERE pieces IS NOT NULL`;
    for (const row of this.#sql.iterate(sql)) {
      const location = this.#locationOf(digestFromBytes(row.at(-1) as Uint8Array), row);
      if (location !== undefined && "join" in location) yield location.join;
    }
  }

  joinTotals(): { readonly count: number; readonly bytes: number } {
    const sql = "SELECT count(*), total(size) FROM contents WHERE pieces IS NOT NULL";
    const [count, bytes] = this.#sql.get(sql) as [number, number];
    return { count, bytes };
  }

  /** Contents of packs that are not here. */
  strays(): Digest[] {
    const sql = "SELECT digest FROM contents WHERE pack NOT IN (SELECT number FROM packs)";
    return this.#sql.all(sql).map(([digest]) => digestFromBytes(digest as Uint8Array));
  }

  /** Undefined where the pack is gone: another process collects garbage, and nobody holds a lease. */
  #locationOf(digest: Digest, row: SqlRow): Location | JoinLocation | undefined {
    const [sizeBytes, crc64, number, offset, storedBytes, crc32, frames, pieces, sum] = row as ContentColumns;
    const values = [sizeBytes, crc64, number, offset, storedBytes, crc32, frames, pieces];
    if (!isRowSound(digestBytes(digest), values, sum)) throw damagedRow(`content "${digest}"`);
    const pack = this.#packs.get(number) ?? this.packs().find((other) => other.number === number);
    if (pack === undefined) return undefined;
    if (pieces !== null) return { pack, join: { digest, sizeBytes, crc64, pieces: decodeDigests(pieces) } };
    const single = (): PackedFrame[] => [{ digest, rawBytes: sizeBytes, storedBytes, crc32 }];
    return {
      pack,
      content: { digest, sizeBytes, crc64, offset, frames: frames === null ? single() : decodeFrames(frames) },
    };
  }

  /** Every pack, the oldest first. */
  packs(): PackRow[] {
    const rows = this.#sql.all("SELECT number, id, size, compressor, sum FROM packs ORDER BY number");
    return rows.map(([number, id, sizeBytes, compressor, sum]) => {
      if (!isRowSound(id, [sizeBytes, compressor], sum)) throw damagedRow(`pack ${number as number}`);
      const row = { number, id: digestFromBytes(id as Uint8Array), sizeBytes, compressor } as PackRow;
      this.#packs.set(row.number, row);
      return row;
    });
  }

  /**
   * Adds a pack and its contents. Where a content is known already, the older place stays, unless `prefer`. A join
   * gives way to the content itself, and to a newer join, whose pieces are here.
   */
  addPack(pack: PackFile, options: { readonly prefer?: boolean } = {}): void {
    const known = this.#sql.get("SELECT number FROM packs WHERE id = ?", digestBytes(pack.id));
    if (known === undefined) {
      this.#sql.run(
        "INSERT INTO packs (id, size, compressor, sum) VALUES (?, ?, ?, ?)",
        digestBytes(pack.id),
        pack.sizeBytes,
        pack.table.compressor,
        sumOfRow(digestBytes(pack.id), [pack.sizeBytes, pack.table.compressor]),
      );
    }
    const row = this.#sql.get("SELECT number FROM packs WHERE id = ?", digestBytes(pack.id)) as [number];
    const insert = this.#sql.prepare(options.prefer === true ? replaceContent : addContent);
    for (const content of pack.table.contents) insert.run(...columnsOf(content, row[0]));
    const join = this.#sql.prepare(addContent);
    for (const joined of pack.table.joins) join.run(...joinColumnsOf(joined, row[0]));
  }

  /** Forgets a pack and the contents that lie in it; goes through all contents. */
  removePack(number: number): void {
    this.#sql.run("DELETE FROM contents WHERE pack = ?", number);
    this.removeEmptyPack(number);
  }

  /** Forgets a pack of which the index has no contents any more. */
  removeEmptyPack(number: number): void {
    this.#sql.run("DELETE FROM packs WHERE number = ?", number);
    this.#packs.delete(number);
  }

  removeContent(digest: Digest): void {
    this.#sql.run("DELETE FROM contents WHERE digest = ?", digestBytes(digest));
  }

  /** The bytes of joined contents are those of their pieces. */
  counts(): { readonly contents: number; readonly contentBytes: number; readonly actions: number } {
    const sql = "SELECT count(*), total(size) FILTER (WHERE pieces IS NULL) FROM contents";
    const [contents, contentBytes] = this.#sql.get(sql) as [number, number];
    return { contents, contentBytes, actions: this.actions.count() };
  }

  /** What SQLite finds wrong with the file, line by line; whether its indexes agree with its tables too. */
  faults(): string[] {
    return this.#sql.all("PRAGMA integrity_check").map((row) => String(row[0])).filter((line) => line !== "ok");
  }

  /** Rows that are not what was written. With `drop` they are removed, for packs to be listed anew. */
  damagedRows({ drop }: { readonly drop: boolean }): DamagedRow[] {
    if (drop) this.#packs.clear();
    return findDamagedRows(this.#sql, { drop });
  }

  /** What the file has when all that was written is in it, free pages too. */
  sizeBytes(): number {
    const [count, bytes] = ["page_count", "page_size"].map((name) => this.#sql.get(`PRAGMA ${name}`)?.[0] as number);
    return (count as number) * (bytes as number);
  }

  /** Gives freed pages back to the file system. */
  compact(): void {
    onDisk("write the store's index", () => this.#database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  close(): void {
    this.#database.close();
  }
}

const columns = "size, crc64, pack, offset, stored, crc32, frames, pieces, sum";
type ContentColumns = [number, string, number, number, number, number, Uint8Array | null, Uint8Array | null, number];

const replaceContent = "INSERT OR REPLACE INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const addContent = `
  INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET (${columns}) = (${columns.replace(/\w+/g, "excluded.$&")}) WHERE contents.pieces IS NOT NULL
`;

const frameBytes = 44;

function columnsOf(content: PackedContent, pack: number): SqlValue[] {
  const { digest, sizeBytes, crc64, offset, frames } = content;
  const single = frames.length === 1 ? frames[0] : undefined;
  const rest = single === undefined ? encodeFrames(frames) : null;
  const stored = storedBytesOf(content);
  return withSum(digest, [sizeBytes, crc64, pack, offset, stored, single?.crc32 ?? 0, rest, null]);
}

function joinColumnsOf({ digest, sizeBytes, crc64, pieces }: JoinedContent, pack: number): SqlValue[] {
  const list = Buffer.concat(pieces.map((piece) => digestBytes(piece)));
  return withSum(digest, [sizeBytes, crc64, pack, 0, 0, 0, null, list]);
}

function withSum(digest: Digest, values: SqlValue[]): SqlValue[] {
  return [digestBytes(digest), ...values, sumOfRow(digestBytes(digest), values)];
}

function encodeFrames(frames: readonly PackedFrame[]): Uint8Array {
  const bytes = Buffer.alloc(frames.length * frameBytes);
  frames.forEach((frame, i) => {
    bytes.set(digestBytes(frame.digest), i * frameBytes);
    bytes.writeUInt32LE(frame.rawBytes, i * frameBytes + 32);
    bytes.writeUInt32LE(frame.storedBytes, i * frameBytes + 36);
    bytes.writeUInt32LE(frame.crc32, i * frameBytes + 40);
  });
  return bytes;
}

function decodeFrames(column: Uint8Array): PackedFrame[] {
  const bytes = Buffer.from(column.buffer, column.byteOffset, column.length);
  const frames: PackedFrame[] = [];
  for (let at = 0; at + frameBytes <= bytes.length; at += frameBytes) {
    const [rawBytes, storedBytes] = [bytes.readUInt32LE(at + 32), bytes.readUInt32LE(at + 36)];
    const crc32 = bytes.readUInt32LE(at + 40);
    frames.push({ digest: digestFromBytes(bytes.subarray(at, at + 32)), rawBytes, storedBytes, crc32 });
  }
  return frames;
}
