// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";

import { AdoptedDatabase } from "./adopted-database.ts";
import { removeDatabase } from "./database-file.ts";

/** The database of adopted files as it lies in the store's directory, opened when it is first asked for. */
export class AdoptedFile {
  readonly #path: string;
  readonly #alone: (step: () => void) => void;
  #database: AdoptedDatabase | undefined;

  /** `alone` runs a step while no other process does the same. */
  constructor(path: string, alone: (step: () => void) => void) {
    this.#path = path;
    this.#alone = alone;
  }

  /** Undefined where there is none and `make` is not set. */
  open(make: boolean): AdoptedDatabase | undefined {
    this.#database ??= AdoptedDatabase.open(this.#path);
    if (this.#database !== undefined || !make) return this.#database;
    this.#alone(() => (this.#database = AdoptedDatabase.open(this.#path) ?? AdoptedDatabase.create(this.#path)));
    return this.#database;
  }

  faults(): string[] {
    const database = this.open(false);
    if (database !== undefined) return database.faults();
    return existsSync(this.#path) ? ["it is no sound database of this version"] : [];
  }

  drop(): void {
    this.close();
    removeDatabase(this.#path);
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}
