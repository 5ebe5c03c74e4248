// SPDX-License-Identifier: Apache-2.0
import { DatabaseSync } from "node:sqlite";

import { AshlarError, type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import type { Ref } from "./store.ts";
import { isDamagedDatabase, onDisk, storeFault } from "./system-fault.ts";

const schemaVersion = 1;

/** The names of what the user wants kept: the only thing in a store that cannot be found again. Synced. */
export class RefsDatabase {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec("PRAGMA synchronous = FULL");
  }

  /** Opens or makes it; `alone` runs a step while no other process does the same. */
  static open(path: string, alone: (step: () => void) => void): RefsDatabase {
    const database = onDisk("read refs", () => new DatabaseSync(path, { timeout: 60_000 }));
    try {
      if (versionOf(database) === 0) alone(() => create(database));
      const version = versionOf(database);
      if (version === schemaVersion) return new RefsDatabase(database);
      throw new AshlarError("STORE_FORMAT_NEWER", `Cannot read refs: version ${version}, want ${schemaVersion}`);
    } catch (cause) {
      database.close();
      if (!isDamagedDatabase(cause)) throw storeFault("read refs", cause);
      throw new AshlarError("STORE_REFS_DAMAGED", `Cannot read refs: "${path}" is no sound database`, {
        hint: "put a copy of it back, or remove it and build or pull the images again",
        cause,
      });
    }
  }

  get(name: string): Digest | undefined {
    const row = this.#all("SELECT name, target FROM refs WHERE name = ?", name)[0];
    return row?.target;
  }

  set(name: string, target: Digest): void {
    const sql = "INSERT OR REPLACE INTO refs VALUES (?, ?)";
    onDisk("write ref", () => this.#database.prepare(sql).run(name, digestBytes(target)));
  }

  delete(name: string): boolean {
    return onDisk("write ref", () => this.#database.prepare("DELETE FROM refs WHERE name = ?").run(name).changes === 1);
  }

  /** All refs, ordered by the bytes of their names. */
  list(): Ref[] {
    return this.#all("SELECT name, target FROM refs ORDER BY name");
  }

  faults(): string[] {
    const rows = onDisk("read refs", () => this.#database.prepare("PRAGMA quick_check").all());
    return rows.map((row) => String(row["quick_check"])).filter((line) => line !== "ok");
  }

  close(): void {
    this.#database.close();
  }

  #all(sql: string, ...values: string[]): Ref[] {
    const rows = onDisk("read refs", () => this.#database.prepare(sql).all(...values));
    return rows.map((row) => ({
      name: row["name"] as string,
      target: digestFromBytes(row["target"] as Uint8Array),
    }));
  }
}

function versionOf(database: DatabaseSync): number {
  return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function create(database: DatabaseSync): void {
  if (versionOf(database) !== 0) return;
  database.exec(`
    PRAGMA journal_mode = WAL;
    BEGIN;
    CREATE TABLE refs (name TEXT PRIMARY KEY, target BLOB NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = ${schemaVersion};
    COMMIT`);
}
