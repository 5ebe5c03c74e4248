// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../base/index.ts";
import type { Layout } from "./layout.ts";
import { quarantine, quarantineDatabase } from "./quarantine.ts";
import { RefsDatabase, type RefsFault } from "./refs-database.ts";
import { readRefsLog } from "./refs-log.ts";
import type { Ref } from "./store.ts";
import { hasResultCode, isDamagedDatabase, onDisk, storeFault } from "./system-fault.ts";

export interface RefsHost {
  readonly layout: Layout;
  /** Runs a step while no other process changes the refs, or makes them anew. */
  readonly alone: <T>(step: () => T) => T;
  /** Told what was put right without being asked. */
  readonly onRecover: (what: string) => void;
}

/**
 * The names of what the user wants kept: the only thing in a store that cannot be found again. So they are kept
 * twice, in a database and in a log, both synced; where one is lost or damaged, the other has them.
 */
export class Refs {
  readonly #host: RefsHost;
  #database: RefsDatabase | undefined;
  #isAlone = false;

  constructor(host: RefsHost) {
    this.#host = host;
  }

  get(name: string): Ref | undefined {
    return this.#use("read refs", (database) => database.get(name));
  }

  /** Where `from` is given, only while the ref points to it; returns whether it was set. */
  set(ref: Ref, from?: Digest): boolean {
    let isSet = false;
    this.#change((database) => {
      isSet = from === undefined || database.get(ref.name)?.target === from;
      if (isSet) database.set(ref);
    });
    return isSet;
  }

  delete(name: string): boolean {
    let wasThere = false;
    this.#change((database) => void (wasThere = database.delete(name)));
    return wasThere;
  }

  list(): Ref[] {
    return this.#use("read refs", (database) => database.list());
  }

  /** Looks at both, and whether they say the same. Throws `STORE_REFS_DAMAGED` where neither can be read. */
  faults(): RefsFault[] {
    const { layout } = this.#host;
    try {
      this.#database ??= this.#open();
      return this.#database.faults();
    } catch (error) {
      if (!isUnfit(error)) throw storeFault("read refs", error);
      return [{ file: "refs.sqlite", why: `"${layout.refs}" is no sound database` }];
    }
  }

  /** Nothing may be removed for the reason that no ref names it while the refs are in doubt. */
  verify(): void {
    // A process that died may have left a change in the log alone.
    this.#use("read refs", (database) => database.catchUp());
    const because = this.faults().map(({ file, why }) => `${file}: ${why}`);
    if (because.length === 0) return;
    throw new AshlarError("STORE_REFS_DAMAGED", "Cannot trust the names of images: they are damaged", {
      because,
      hint: "run `ashlar store fsck --repair`",
    });
  }

  /** Puts right what `faults` found: what is sound of the two stands. */
  repair(faults: readonly RefsFault[]): void {
    const { layout } = this.#host;
    this.#alone(() => {
      if (faults.some(({ file }) => file === "refs.sqlite")) {
        this.close();
        this.#database = this.#restore();
      } else if (faults.length > 0) {
        quarantine(layout, layout.refsLog);
        this.#use("write refs", (database) => database.renewLog());
      }
    });
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  /** Nobody restores the refs meanwhile: the change goes into the database and the log that others read. */
  #change(step: (database: RefsDatabase) => void): void {
    this.#alone(() => this.#use("write ref", step));
  }

  #alone<T>(step: () => T): T {
    if (this.#isAlone) return step();
    return this.#host.alone(() => {
      this.#isAlone = true;
      try {
        return step();
      } finally {
        this.#isAlone = false;
      }
    });
  }

  /** What turns out to be damaged only when it is used is restored then, once. */
  #use<T>(what: string, step: (database: RefsDatabase) => T): T {
    return onDisk(what, () => {
      // Another process may have restored it: what is written to the old file is lost.
      if (this.#database?.isReplaced === true) this.close();
      this.#database ??= this.#open();
      try {
        return step(this.#database);
      } catch (error) {
        if (!isDamaged(error)) throw error;
        this.close();
        this.#database = this.#alone(() => this.#restore());
        return step(this.#database);
      }
    });
  }

  #open(): RefsDatabase {
    try {
      return RefsDatabase.open(this.#host.layout) ?? this.#alone(() => this.#make());
    } catch (error) {
      if (!isDamaged(error)) throw error;
      return this.#alone(() => this.#restore());
    }
  }

  #make(): RefsDatabase {
    const { layout, onRecover } = this.#host;
    // Another process was faster.
    const there = RefsDatabase.open(layout);
    if (there !== undefined) return there;
    const isOld = RefsDatabase.versionIn(layout) === 1;
    const made = RefsDatabase.make(layout, isOld ? [] : (readRefsLog(layout)?.changes ?? []));
    const count = isOld ? 0 : made.list().length;
    if (count > 0) onRecover(`restored ${count} names from refs.log: refs.sqlite was empty or not there`);
    return made;
  }

  /** Makes the database again out of the log. Throws `STORE_REFS_DAMAGED` where there is none that can be read. */
  #restore(): RefsDatabase {
    const { layout, onRecover } = this.#host;
    const there = soundDatabase(layout);
    if (there !== undefined) return there;
    const { changes, fault } = readRefsLog(layout) ?? { changes: [], fault: undefined };
    if (changes.length === 0) {
      throw new AshlarError("STORE_REFS_DAMAGED", `Cannot read refs: "${layout.refs}" is no sound database`, {
        because: ['its log, "refs.log", cannot be read either'],
        hint: "put a copy of one of them back, or remove both and build or pull the images again",
      });
    }
    const aside = quarantineDatabase(layout, layout.refs);
    const made = RefsDatabase.make(layout, changes);
    const what = `restored ${made.list().length} names from refs.log`;
    const doubt = fault === undefined ? "" : `; the log is damaged too (${fault}), so some may be missing`;
    onRecover(`${what}: refs.sqlite was damaged and is now "${aside}"${doubt}`);
    return made;
  }
}

/** One that another process has restored meanwhile; undefined where it is still damaged. */
function soundDatabase(layout: Layout): RefsDatabase | undefined {
  let database: RefsDatabase | undefined;
  try {
    database = RefsDatabase.open(layout);
    if (database?.faults().length === 0) return database;
  } catch (error) {
    if (!isUnfit(error)) throw error;
  }
  database?.close();
  return undefined;
}

function isDamaged(error: unknown): boolean {
  return isDamagedDatabase(error) || isOtherSchema(error) || isAshlarError(error, "STORE_REFS_DAMAGED");
}

/**
 * The text of the schema is in the file too: where it is damaged, our statements name what is not there; and where the
 * number of the version is, they make what is there.
 */
function isOtherSchema(error: unknown): boolean {
  return hasResultCode(error, 1) && /^no such |has \d+ columns|already exists$/.test((error as Error).message);
}

/** Here one that cannot be written is damaged too: a flipped bit of its header says so (code 8). */
function isUnfit(error: unknown): boolean {
  return isDamaged(error) || hasResultCode(error, 8) || isAshlarError(error, "STORE_FORMAT_NEWER");
}
