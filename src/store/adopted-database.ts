// SPDX-License-Identifier: Apache-2.0
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { type Digest, digestBytes } from "../base/index.ts";
import type { AdoptedDir } from "./adopted.ts";
import { createDatabase, openDatabase, runTransaction } from "./database-file.ts";
import { onDisk, storeFault } from "./system-fault.ts";

/** A file of an adopted directory as it was when it was read. */
export interface AdoptedRow extends FileMark {
  /** Below the directory, `/` between the parts. */
  readonly path: string;
  readonly digest: Digest;
  /** The row that this one stands in for. */
  readonly instead?: number | undefined;
}

/** What is remembered of a file, and the number of its row. */
export interface KnownFile extends FileMark {
  readonly row: number;
}

/** What tells that a file was not written to since; times in milliseconds with what fraction there is. */
export interface FileMark {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
}

/** Where a content may be found: `path` below `base`, an adopted directory. */
interface Holder {
  readonly row: number;
  readonly base: string;
  readonly path: string;
  readonly sizeBytes: number;
}

interface FileColumns {
  readonly number: number;
  readonly path: string;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly inode: number;
}

type Value = string | number | Uint8Array | null;

/** Raised whenever the tables change; a database of another version is made anew. */
const schemaVersion = 1;
const schema = `
  CREATE TABLE dirs (number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE);
  CREATE TABLE files (
    number INTEGER PRIMARY KEY, dir INTEGER NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
    mtime REAL NOT NULL, ctime REAL NOT NULL, inode INTEGER NOT NULL
  );
  CREATE INDEX files_by_digest ON files (digest);
  PRAGMA user_version = ${schemaVersion};
`;
const what = "use the store's list of adopted files";

/** Which files of the host held which contents. All of it can be found again by reading them again. */
export class AdoptedDatabase {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
    // The index by digest is written in no order; the usual 2 MB make it go to disk and back.
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768");
  }

  /** Opens it; undefined where there is none, or none of this version that is sound. */
  static open(path: string): AdoptedDatabase | undefined {
    return onDisk(what, () => openDatabase(path, schemaVersion, (database) => new AdoptedDatabase(database)));
  }

  /** Makes an empty one in place of what is there; `:memory:` for none on disk. */
  static create(path: string): AdoptedDatabase {
    return new AdoptedDatabase(onDisk(what, () => createDatabase(path, schema)));
  }

  /** The number of a directory, which is new or known. */
  addDir(path: string): number {
    this.#run("INSERT OR IGNORE INTO dirs (path) VALUES (?)", path);
    return this.#all("SELECT number FROM dirs WHERE path = ?", path)[0]?.["number"] as number;
  }

  removeDir(path: string): boolean {
    return this.transaction(() => {
      this.#run("DELETE FROM files WHERE dir = (SELECT number FROM dirs WHERE path = ?)", path);
      return this.#run("DELETE FROM dirs WHERE path = ?", path) === 1;
    });
  }

  /** In the order of their paths. */
  dirs(): AdoptedDir[] {
    const rows = this.#all(
      "SELECT dirs.path, count(files.dir) AS files, ifnull(sum(size), 0) AS bytes " +
        "FROM dirs LEFT JOIN files ON dir = dirs.number GROUP BY dirs.number ORDER BY dirs.path",
    );
    return rows.map((row) => ({
      dir: row["path"] as string, files: row["files"] as number, bytes: row["bytes"] as number,
    }));
  }

  /** What is remembered of the files of a directory, by path. */
  known(dir: number): Map<string, KnownFile> {
    const known = new Map<string, KnownFile>();
    const sql = "SELECT number, path, size, mtime, ctime, inode FROM files WHERE dir = ?";
    for (const row of this.#each(sql, dir)) {
      const { number, path, size, mtime, ctime, inode } = row as unknown as FileColumns;
      known.set(path, { row: number, sizeBytes: size, mtimeMs: mtime, ctimeMs: ctime, inode });
    }
    return known;
  }

  put(dir: number, { path, digest, sizeBytes, mtimeMs, ctimeMs, inode, instead }: AdoptedRow): void {
    const sql = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    this.#run(sql, instead ?? null, dir, path, digestBytes(digest), sizeBytes, mtimeMs, ctimeMs, inode);
  }

  remove(row: number): void {
    this.#run("DELETE FROM files WHERE number = ?", row);
  }

  /** Every file that held a content. */
  holders(digest: Digest): Holder[] {
    const columns = "files.number, dirs.path AS base, files.path, size";
    const sql = `SELECT ${columns} FROM files JOIN dirs ON dir = dirs.number WHERE digest = ?`;
    return this.#all(sql, digestBytes(digest)).map((row) => ({
      row: row["number"] as number,
      base: row["base"] as string,
      path: row["path"] as string,
      sizeBytes: row["size"] as number,
    }));
  }

  sizeOf(digest: Digest): number | undefined {
    return this.#all("SELECT size FROM files WHERE digest = ? LIMIT 1", digestBytes(digest))[0]?.["size"] as number;
  }

  /** Runs some changes as one: all or none. */
  transaction<T>(step: () => T): T {
    return onDisk(what, () => runTransaction(this.#database, step));
  }

  faults(): string[] {
    const rows = this.#all("PRAGMA quick_check");
    return rows.map((row) => String(row["quick_check"])).filter((line) => line !== "ok");
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, ...values: Value[]): Record<string, unknown>[] {
    return onDisk(what, () => this.#statement(sql).all(...values));
  }

  /** Row by row: a large system has hundreds of thousands of files. */
  *#each(sql: string, ...values: Value[]): Generator<Record<string, unknown>, void, void> {
    try {
      yield* this.#statement(sql).iterate(...values);
    } catch (error) {
      throw storeFault(what, error);
    }
  }

  #run(sql: string, ...values: Value[]): number {
    return onDisk(what, () => Number(this.#statement(sql).run(...values).changes));
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
