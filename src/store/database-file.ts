// SPDX-License-Identifier: Apache-2.0
import { existsSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { makeEmptyFile, privateRights } from "./layout.ts";
import { isDamagedDatabase } from "./system-fault.ts";

/** Opens a finished database of this version by `use`; undefined where there is none or it is damaged. */
export function openDatabase<T>(path: string, version: number, use: (database: DatabaseSync) => T): T | undefined {
  if (!existsSync(path)) return undefined;
  const database = new DatabaseSync(path, { timeout: 60_000 });
  try {
    const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (row.user_version === version) return use(database);
  } catch (error) {
    if (!isDamagedDatabase(error)) throw error;
  }
  database.close();
  return undefined;
}

/** Makes an empty database in place of what is there; `:memory:` for none on disk. Nobody else may do so meanwhile. */
export function createDatabase(path: string, schema: string, mode = privateRights.file): DatabaseSync {
  if (path !== ":memory:") {
    removeDatabase(path);
    makeEmptyFile(path, mode);
  }
  const database = new DatabaseSync(path, { timeout: 60_000 });
  database.exec(`PRAGMA journal_mode = WAL; BEGIN; ${schema} COMMIT`);
  return database;
}

/** Removes a database with what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

/** Runs some changes as one: all or none. */
export function runTransaction<T>(database: DatabaseSync, step: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = step();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
