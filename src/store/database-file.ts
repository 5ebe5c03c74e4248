// SPDX-License-Identifier: Apache-2.0
import { renameSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

import { makeEmptyFile, privateRights } from "./layout.ts";
import { isDamagedDatabase } from "./system-fault.ts";

/** Opens a finished database of this version by `use`; undefined where there is none or it is damaged. */
export function openDatabase<T>(path: string, version: number, use: (database: DatabaseSync) => T): T | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  const database = new DatabaseSync(path, { timeout: 60_000 });
  try {
    const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (row.user_version === version) return use(database);
  } catch (error) {
    if (isDamagedDatabase(error)) return closed(database);
    database.close();
    throw error;
  }
  return closed(database);
}

function closed(database: DatabaseSync): undefined {
  database.close();
}

/**
 * Makes an empty database in place of what is there; `:memory:` for none on disk. It gets its name when it is whole,
 * so one that was cut off is not taken for a damaged one. Nobody else may do so meanwhile.
 */
export function createDatabase(path: string, schema: string, mode = privateRights.file): DatabaseSync {
  if (path === ":memory:") {
    const database = new DatabaseSync(path);
    database.exec(`BEGIN; ${schema} COMMIT`);
    return database;
  }
  const unfinished = `${path}-new`;
  removeDatabase(unfinished);
  makeEmptyFile(unfinished, mode);
  makeDatabase(unfinished, schema);
  removeDatabase(path);
  renameSync(unfinished, path);
  const database = new DatabaseSync(path, { timeout: 60_000 });
  database.exec("PRAGMA journal_mode = WAL");
  return database;
}

/** In rollback mode all of it is in the file itself when it is committed. */
function makeDatabase(path: string, schema: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(`BEGIN; ${schema} COMMIT`);
  } finally {
    database.close();
  }
}

/** Removes a database with what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
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
