// SPDX-License-Identifier: Apache-2.0
import { existsSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";

import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import type { PackFile } from "./pack-file.ts";
import { type PackedContent, type PackedFrame, storedBytesOf } from "./pack-format.ts";
import { isDamagedDatabase, onDisk } from "./system-fault.ts";

/** Where a content lies. */
export interface Location {
  readonly pack: PackRow;
  readonly content: PackedContent;
}

export interface PackRow {
  /** Never used twice in the life of an index. */
  readonly number: number;
  readonly id: Digest;
  readonly sizeBytes: number;
  readonly compressor: string;
}

export interface ActionRow {
  readonly key: Digest;
  readonly inputs: readonly Digest[];
  readonly reaches: string;
}

/** Raised whenever the tables change; an index of another version is made anew from the packs. */
const schemaVersion = 1;
const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, compressor TEXT NOT NULL
  );
  CREATE TABLE contents (
    digest BLOB PRIMARY KEY, size INTEGER NOT NULL, crc64 TEXT NOT NULL, pack INTEGER NOT NULL,
    offset INTEGER NOT NULL, stored INTEGER NOT NULL, crc32 INTEGER NOT NULL, frames BLOB
  ) WITHOUT ROWID;
  CREATE TABLE actions (
    key BLOB PRIMARY KEY, operation TEXT NOT NULL, inputs BLOB NOT NULL, value TEXT NOT NULL, reaches TEXT NOT NULL
  ) WITHOUT ROWID;
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * The database of what can be found again: where contents lie (out of the packs) and remembered actions (by
 * doing them again). Not synced at each commit; what a power failure takes is put back at the next opening.
 */
export class IndexDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #packs = new Map<number, PackRow>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec("PRAGMA synchronous = NORMAL");
  }

  /** Opens a finished index of this version; undefined where there is none or it is damaged. */
  static open(path: string): IndexDatabase | undefined {
    if (!existsSync(path)) return undefined;
    const database = new DatabaseSync(path, { timeout: 60_000 });
    try {
      const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
      if (row.user_version === schemaVersion) return new IndexDatabase(database);
    } catch (error) {
      if (!isDamagedDatabase(error)) throw error;
    }
    database.close();
    return undefined;
  }

  /** Makes an empty index in place of what is there. The caller sees to it that nobody else does. */
  static create(path: string): IndexDatabase {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    const database = new DatabaseSync(path, { timeout: 60_000 });
    database.exec(`PRAGMA journal_mode = WAL; BEGIN; ${schema} COMMIT`);
    return new IndexDatabase(database);
  }

  /** Runs some changes as one: all or none. */
  transaction<T>(step: () => T): T {
    return onDisk("write the store's index", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = step();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  getMeta(name: string): string | undefined {
    return this.#all("SELECT value FROM meta WHERE name = ?", name)[0]?.[0] as string | undefined;
  }

  setMeta(name: string, value: string): void {
    this.#run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value);
  }

  has(digest: Digest): boolean {
    return this.#get("SELECT 1 FROM contents WHERE digest = ?", digestBytes(digest)) !== undefined;
  }

  /** The contents whose digests begin with these bytes, in their order. */
  withPrefix(hex: string): Digest[] {
    const [low, high] = ["0", "f"].map((digit) => Buffer.from(hex.padEnd(64, digit), "hex"));
    const sql = "SELECT digest FROM contents WHERE digest BETWEEN ? AND ? ORDER BY digest";
    return this.#all(sql, low as Uint8Array, high as Uint8Array).map((row) => digestFromBytes(row[0] as Uint8Array));
  }

  locate(digest: Digest): Location | undefined {
    const row = this.#get(
      "SELECT size, crc64, pack, offset, stored, crc32, frames FROM contents WHERE digest = ?",
      digestBytes(digest),
    );
    return row === undefined ? undefined : this.#location(digest, row as unknown as ContentColumns);
  }

  /** Every content, ordered by pack and place. */
  locations(): Location[] {
    const rows = this.#all(
      "SELECT size, crc64, pack, offset, stored, crc32, frames, digest FROM contents ORDER BY pack, offset",
    );
    return rows.flatMap((row) => {
      return this.#location(digestFromBytes(row[7] as Uint8Array), row as unknown as ContentColumns) ?? [];
    });
  }

  /** Undefined where the pack is gone: another process collects garbage, and nobody holds a lease. */
  #location(digest: Digest, row: ContentColumns): Location | undefined {
    const [sizeBytes, crc64, number, offset, storedBytes, crc32, frames] = row;
    const pack = this.#packs.get(number) ?? this.packs().find((other) => other.number === number);
    if (pack === undefined) return undefined;
    const single = (): PackedFrame[] => [{ digest, rawBytes: sizeBytes, storedBytes, crc32 }];
    return {
      pack,
      content: { digest, sizeBytes, crc64, offset, frames: frames === null ? single() : decodeFrames(frames) },
    };
  }

  /** Every pack, the oldest first. */
  packs(): PackRow[] {
    const rows = this.#all("SELECT number, id, size, compressor FROM packs ORDER BY number");
    return rows.map(([number, id, sizeBytes, compressor]) => {
      const row = { number, id: digestFromBytes(id as Uint8Array), sizeBytes, compressor } as PackRow;
      this.#packs.set(row.number, row);
      return row;
    });
  }

  /** Adds a pack and its contents. Where a content is known already, the older place stays, unless `prefer`. */
  addPack(pack: PackFile, options: { readonly prefer?: boolean } = {}): void {
    const known = this.#get("SELECT number FROM packs WHERE id = ?", digestBytes(pack.id));
    if (known === undefined) {
      this.#run(
        "INSERT INTO packs (id, size, compressor) VALUES (?, ?, ?)",
        digestBytes(pack.id),
        pack.sizeBytes,
        pack.table.compressor,
      );
    }
    const row = this.#get("SELECT number FROM packs WHERE id = ?", digestBytes(pack.id)) as [number];
    const verb = options.prefer === true ? "REPLACE" : "IGNORE";
    const insert = this.#statement(`INSERT OR ${verb} INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
    for (const content of pack.table.contents) insert.run(...columnsOf(content, row[0]));
  }

  /** Forgets a pack and the contents that lie in it; goes through all contents. */
  removePack(number: number): void {
    this.#run("DELETE FROM contents WHERE pack = ?", number);
    this.removeEmptyPack(number);
  }

  /** Forgets a pack of which the index has no contents any more. */
  removeEmptyPack(number: number): void {
    this.#run("DELETE FROM packs WHERE number = ?", number);
    this.#packs.delete(number);
  }

  removeContent(digest: Digest): void {
    this.#run("DELETE FROM contents WHERE digest = ?", digestBytes(digest));
  }

  getAction(key: Digest): { readonly value: string; readonly reaches: string } | undefined {
    const row = this.#get("SELECT value, reaches FROM actions WHERE key = ?", digestBytes(key));
    return row === undefined ? undefined : { value: row[0] as string, reaches: row[1] as string };
  }

  putAction(row: ActionRow & { readonly operation: string; readonly value: string }): void {
    const inputs = Buffer.concat(row.inputs.map((input) => digestBytes(input)));
    const values = [digestBytes(row.key), row.operation, inputs, row.value, row.reaches] as const;
    const sql = "INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?)";
    onDisk("write the store's index", () => this.#run(sql, ...values));
  }

  actions(): ActionRow[] {
    return this.#all("SELECT key, inputs, reaches FROM actions").map(([key, inputs, reaches]) => ({
      key: digestFromBytes(key as Uint8Array),
      inputs: decodeDigests(inputs as Uint8Array),
      reaches: reaches as string,
    }));
  }

  removeAction(key: Digest): void {
    this.#run("DELETE FROM actions WHERE key = ?", digestBytes(key));
  }

  counts(): { readonly contents: number; readonly contentBytes: number; readonly actions: number } {
    const [contents, contentBytes] = this.#get("SELECT count(*), total(size) FROM contents") as [number, number];
    const [actions] = this.#get("SELECT count(*) FROM actions") as [number];
    return { contents, contentBytes, actions };
  }

  /** What SQLite finds wrong with the file, line by line. */
  faults(): string[] {
    return this.#all("PRAGMA quick_check").map((row) => String(row[0])).filter((line) => line !== "ok");
  }

  /** Gives freed pages back to the file system. */
  compact(): void {
    onDisk("write the store's index", () => this.#database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  close(): void {
    this.#database.close();
  }

  #get(sql: string, ...values: SqlValue[]): readonly unknown[] | undefined {
    const row = onDisk("read the store's index", () => this.#statement(sql).get(...values));
    return row as unknown as unknown[] | undefined;
  }

  #all(sql: string, ...values: SqlValue[]): readonly (readonly unknown[])[] {
    return onDisk("read the store's index", () => this.#statement(sql).all(...values) as unknown as unknown[][]);
  }

  #run(sql: string, ...values: SqlValue[]): void {
    this.#statement(sql).run(...values);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

type SqlValue = string | number | Uint8Array | null;
type ContentColumns = [number, string, number, number, number, number, Uint8Array | null];

const frameBytes = 44;

function columnsOf(content: PackedContent, pack: number): SqlValue[] {
  const { digest, sizeBytes, crc64, offset, frames } = content;
  const single = frames.length === 1 ? frames[0] : undefined;
  const rest = single === undefined ? encodeFrames(frames) : null;
  const stored = storedBytesOf(content);
  return [digestBytes(digest), sizeBytes, crc64, pack, offset, stored, single?.crc32 ?? 0, rest];
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

function decodeDigests(bytes: Uint8Array): Digest[] {
  const digests: Digest[] = [];
  for (let at = 0; at < bytes.length; at += 32) digests.push(digestFromBytes(bytes.subarray(at, at + 32)));
  return digests;
}
