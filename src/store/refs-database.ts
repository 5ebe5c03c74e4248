// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";

import { AshlarError, digestBytes, digestFromBytes } from "../base/index.ts";
import { runTransaction } from "./database-file.ts";
import { type Layout, makeEmptyFile } from "./layout.ts";
import {
  appendRefsLog, isTexts, lastRefsChange, readRefsLog, type RefsChange, type RefsLog, replayRefs, rewriteRefsLog,
} from "./refs-log.ts";
import type { Ref } from "./store.ts";

const schemaVersion = 2;
/** The log is written anew when it is this much, and four times as large as when it was last. */
const logBytesMin = 1 << 16;

/** What is wrong with the refs: in the database, in the log, or between them. */
export interface RefsFault {
  readonly file: "refs.sqlite" | "refs.log";
  readonly why: string;
}

interface State {
  /** Number of the last change. */
  readonly sequence: number;
  /** Of the log when it was last written anew. */
  readonly log_bytes: number;
}

/** One handle on the database of refs. SQLite's errors pass; `Refs` knows what to do with them. */
export class RefsDatabase {
  readonly #database: DatabaseSync;
  readonly #layout: Layout;
  readonly #inode: number;

  /** `inode` is that of the file before it was opened: one that takes its place in between counts as another. */
  private constructor(database: DatabaseSync, layout: Layout, inode: number) {
    this.#database = database;
    this.#layout = layout;
    this.#inode = inode;
    database.exec("PRAGMA synchronous = FULL");
  }

  /**
   * Opens it; undefined where there is none, or none that is finished. Throws `STORE_FORMAT_NEWER`,
   * `STORE_REFS_DAMAGED`, and as SQLite does.
   */
  static open(layout: Layout): RefsDatabase | undefined {
    return withDatabase(layout, (database, inode) => {
      const version = versionOf(database);
      if (version > schemaVersion) {
        throw new AshlarError("STORE_FORMAT_NEWER", `Cannot read refs: version ${version}, want ${schemaVersion}`);
      }
      if (version !== schemaVersion) return undefined;
      const refs = new RefsDatabase(database, layout, inode);
      refs.catchUp();
      return refs;
    });
  }

  /** The version of what is there; 0 where that is nothing yet. */
  static versionIn(layout: Layout): number {
    let version = 0;
    withDatabase(layout, (database) => void (version = versionOf(database)));
    return version;
  }

  /** Makes it of what a log says, or brings one of version 1 up. Nobody else may do so meanwhile. */
  static make(layout: Layout, changes: readonly RefsChange[]): RefsDatabase {
    makeEmptyFile(layout.refs, layout.rights.file);
    const { ino } = statSync(layout.refs);
    const database = new DatabaseSync(layout.refs, { timeout: 60_000 });
    try {
      const made = new RefsDatabase(database, layout, ino);
      database.exec("PRAGMA journal_mode = WAL");
      runTransaction(database, () => {
        database.exec(versionOf(database) === 1 ? raiseSchema : schema);
        const sequence = changes.at(-1)?.sequence ?? 0;
        database.prepare("UPDATE state SET sequence = ?").run(sequence);
        for (const ref of replayRefs(changes)) made.#put(ref);
        made.#rewriteLog(sequence);
      });
      return made;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Tells whether another file lies in its place now, or none. */
  get isReplaced(): boolean {
    return statSync(this.#layout.refs, { throwIfNoEntry: false })?.ino !== this.#inode;
  }

  get(name: string): Ref | undefined {
    return this.#all("SELECT name, target, origin FROM refs WHERE name = ?", name)[0];
  }

  set(ref: Ref): void {
    this.#change(ref, () => this.#put(ref));
  }

  delete(name: string): boolean {
    if (this.get(name) === undefined) return false;
    this.#change({ name, target: undefined }, () => {
      this.#database.prepare("DELETE FROM refs WHERE name = ?").run(name);
    });
    return true;
  }

  /** All refs, ordered by the bytes of their names. */
  list(): Ref[] {
    return this.#all("SELECT name, target, origin FROM refs ORDER BY name");
  }

  faults(): RefsFault[] {
    const rows = this.#database.prepare("PRAGMA quick_check").all().map((row) => String(row["quick_check"]));
    const own = rows.filter((line) => line !== "ok").map((why) => ({ file: "refs.sqlite", why }) as const);
    return own.length > 0 ? own : runTransaction(this.#database, () => this.#logFaults());
  }

  /**
   * Does again what the log has and the database has not: it ended in between, or the end of SQLite's own log was
   * damaged, which counts as never written. Without it the next change would take the place of those.
   */
  catchUp(): void {
    const last = lastRefsChange(this.#layout);
    if (last === undefined || last <= this.#state().sequence) return;
    runTransaction(this.#database, () => {
      const { sequence } = this.#state();
      const { changes = [], fault } = readRefsLog(this.#layout) ?? {};
      if (fault !== undefined || (changes.at(-1)?.sequence ?? 0) <= sequence) return;
      this.#database.exec("DELETE FROM refs");
      for (const ref of replayRefs(changes)) this.#put(ref);
      this.#database.prepare("UPDATE state SET sequence = ?").run((changes.at(-1) as RefsChange).sequence);
    });
  }

  /** Writes the log anew out of the database. */
  renewLog(): void {
    runTransaction(this.#database, () => this.#rewriteLog(this.#state().sequence));
  }

  close(): void {
    this.#database.close();
  }

  /**
   * The log comes first: so it has all that the database has, and at most one change more, which is done by whoever
   * opens the database next, unless another change takes its number before.
   */
  #change(change: RefsChange["refs"][number], step: () => void): void {
    runTransaction(this.#database, () => {
      const { sequence: before, log_bytes: least } = this.#state();
      const bytes = statSync(this.#layout.refsLog, { throwIfNoEntry: false })?.size;
      if (bytes === undefined || (bytes > logBytesMin && bytes > 4 * least)) this.#rewriteLog(before);
      const sequence = before + 1;
      appendRefsLog(this.#layout, { sequence, all: false, refs: [change] });
      step();
      this.#database.prepare("UPDATE state SET sequence = ?").run(sequence);
    });
  }

  #rewriteLog(sequence: number): void {
    const bytes = rewriteRefsLog(this.#layout, [{ sequence, all: true, refs: this.list() }]);
    this.#database.prepare("UPDATE state SET log_bytes = ?").run(bytes);
  }

  #logFaults(): RefsFault[] {
    const { sequence } = this.#state();
    const log: RefsLog = readRefsLog(this.#layout) ?? { changes: [], fault: "it is not there" };
    if (log.fault !== undefined) return [{ file: "refs.log", why: log.fault }];
    const last = (log.changes.at(-1) as RefsChange).sequence;
    if (last < sequence) return [{ file: "refs.log", why: `it ends with change ${last}, want ${sequence}` }];
    if (isDeepStrictEqual(replayRefs(log.changes, sequence), this.list())) return [];
    return [{ file: "refs.sqlite", why: "it does not say what its log says" }];
  }

  #state(): State {
    return this.#database.prepare("SELECT sequence, log_bytes FROM state").get() as unknown as State;
  }

  #put({ name, target, origin }: Ref): void {
    const text = origin === undefined ? null : JSON.stringify(origin);
    this.#database.prepare("INSERT OR REPLACE INTO refs VALUES (?, ?, ?)").run(name, digestBytes(target), text);
  }

  #all(sql: string, ...values: string[]): Ref[] {
    return this.#database.prepare(sql).all(...values).map(rowToRef);
  }
}

const table = "CREATE TABLE refs (name TEXT PRIMARY KEY, target BLOB NOT NULL, origin TEXT) WITHOUT ROWID;";
const state = `
  CREATE TABLE state (sequence INTEGER NOT NULL, log_bytes INTEGER NOT NULL);
  INSERT INTO state VALUES (0, 0);
  PRAGMA user_version = ${schemaVersion};
`;
const schema = table + state;
const raiseSchema = `ALTER TABLE refs ADD COLUMN origin TEXT; ${state}`;

/** Closes it unless `use` gives something back that keeps it. */
function withDatabase<T>(
  layout: Layout,
  use: (database: DatabaseSync, inode: number) => T | undefined,
): T | undefined {
  const stats = statSync(layout.refs, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw new AshlarError("STORE_REFS_DAMAGED", `Cannot read refs: "${layout.refs}" is no file`);
  const database = new DatabaseSync(layout.refs, { timeout: 60_000 });
  let kept: T | undefined;
  try {
    kept = use(database, stats.ino);
    return kept;
  } finally {
    if (kept === undefined) database.close();
  }
}

function versionOf(database: DatabaseSync): number {
  return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

/** Throws `STORE_REFS_DAMAGED` where a row holds what nobody wrote. */
function rowToRef(row: Readonly<Record<string, unknown>>): Ref {
  const { name, target, origin } = row;
  const list = origin === null ? undefined : parseOrigin(origin);
  const isOurs = typeof name === "string" && target instanceof Uint8Array && target.length === 32;
  if (!isOurs || (origin !== null && list === undefined)) {
    throw new AshlarError("STORE_REFS_DAMAGED", `Cannot read refs: the row of "${String(name)}" is damaged`);
  }
  return { name, target: digestFromBytes(target), ...(list === undefined ? {} : { origin: list }) };
}

function parseOrigin(text: unknown): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text as string);
    return isTexts(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
