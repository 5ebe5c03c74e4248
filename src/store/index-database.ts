// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { actionSchema, ActionTable } from "./action-table.ts";
import { type ContentRow, contentSchema, ContentTable, type FoundRow } from "./content-table.ts";
import { createDatabase, openDatabase, runTransaction } from "./database-file.ts";
import type { PackFile } from "./pack-file.ts";
import type { JoinedContent, PackedContent } from "./pack-format.ts";
import { type DamagedRow, damagedRow, findDamagedRows, isRowSound, sumOfRow } from "./row-sum.ts";
import { SqlStatements } from "./sql-statements.ts";
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

/** What the index has of one pack, in the order of places. */
export interface Listed {
  readonly contents: readonly Location[];
  readonly joins: readonly JoinLocation[];
}

export interface PackRow {
  /** Never used twice in the life of an index. */
  readonly number: number;
  readonly id: Digest;
  readonly sizeBytes: number;
  readonly compressor: string;
}

/** Raised whenever the tables change; an index of another version is made anew from the packs. */
const schemaVersion = 4;
const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, compressor TEXT NOT NULL,
    sum INTEGER NOT NULL
  );
  ${contentSchema}
  ${actionSchema}
`;

/** Where an index lies, and its inode; an open one keeps its number from others. */
type DatabasePlace = { readonly path: string; readonly inode: number | undefined };

/** An index is made smaller when this part of it is free pages. */
const freeShareMin = 0.25;

/**
 * The database of what can be found again: where contents lie (out of the packs) and remembered actions (by
 * doing them again). Not synced at each commit; what a power failure takes is put back at the next opening.
 */
export class IndexDatabase {
  readonly actions: ActionTable;
  readonly #database: DatabaseSync;
  readonly #sql: SqlStatements;
  readonly #packs = new Map<number, PackRow>();
  readonly #contents: ContentTable;
  readonly #path: string;
  readonly #inode: number | undefined;
  /** While it is filled: packs that list what others list too. */
  #late: PackFile[] | undefined;

  private constructor(database: DatabaseSync, { path, inode }: DatabasePlace) {
    this.#database = database;
    this.#path = path;
    this.#inode = inode;
    this.#sql = new SqlStatements(database);
    this.#contents = new ContentTable(this.#sql);
    this.actions = new ActionTable(this.#sql);
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384");
  }

  /** Opens a finished index of this version; undefined where there is none or it is damaged. */
  static open(path: string): IndexDatabase | undefined {
    // Asked first: where the file is replaced in between, the handle counts as old, which costs another opening.
    const place = { path, inode: inodeOf(path) };
    return openDatabase(path, schemaVersion, (database) => new IndexDatabase(database, place));
  }

  /**
   * Makes an index in place of what is there, to which packs are added until `finish`. Before that nobody takes it
   * for one. The caller sees to it that nobody else does the same.
   */
  static create(path: string, mode?: number): IndexDatabase {
    const database = createDatabase(path, schema, mode);
    const index = new IndexDatabase(database, { path, inode: inodeOf(path) });
    index.#contents.fill();
    index.#late = [];
    return index;
  }

  /** Tells whether another file lies in its place now, or none: nobody finds what is written to this one. */
  get isReplaced(): boolean {
    return inodeOf(this.#path) !== this.#inode;
  }

  /** Ends the filling of a new index; nothing on one that is finished. */
  finish(): void {
    const late = this.#late;
    if (late === undefined) return;
    this.#late = undefined;
    this.transaction(() => this.#contents.finish());
    for (const pack of late) this.transaction(() => this.addPack(pack));
    onDisk("write the store's index", () => this.#database.exec(`PRAGMA user_version = ${schemaVersion}`));
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
    return this.#contents.withPrefix(hex);
  }

  locate(digest: Digest): Location | JoinLocation | undefined {
    const row = this.#contents.get(digest);
    return row === undefined ? undefined : this.#locationOf(row);
  }

  /** What a joined content is joined of: 32 bytes each, back to back. Undefined where it is none. */
  piecesOf(digest: Digest): Uint8Array | undefined {
    return this.#contents.piecesOf(digest);
  }

  /** What lies in a pack, as far as the index uses it. */
  listed(pack: PackRow): Listed {
    const contents: Location[] = [];
    const joins: JoinLocation[] = [];
    for (const { content } of this.#contents.rows(pack.number)) {
      if ("pieces" in content) joins.push({ pack, join: content });
      else contents.push({ pack, content });
    }
    return { contents, joins };
  }

  /** The same without what it takes to read contents: a third of the time. */
  rowsOf(pack: PackRow): Iterable<ContentRow> {
    return this.#contents.bareRows(pack.number);
  }

  /** Every join, by pack and place; what is changed meanwhile may be among them or not. */
  *joins(): Iterable<JoinLocation> {
    for (const row of this.#contents.joins()) {
      const location = this.#locationOf(row);
      if (location !== undefined && "join" in location) yield location;
    }
  }

  joinTotals(): { readonly count: number; readonly bytes: number } {
    return this.#contents.joinTotals();
  }

  /** Contents of packs that never were: no collection of garbage left them. */
  strays(): Digest[] {
    return this.#contents.strays();
  }

  /** Undefined where the pack is gone: another process collects garbage, and nobody holds a lease. */
  #locationOf({ pack: number, content }: FoundRow): Location | JoinLocation | undefined {
    const pack = this.#packs.get(number) ?? this.packs().find((other) => other.number === number);
    if (pack === undefined) return undefined;
    return "pieces" in content ? { pack, join: content } : { pack, content };
  }

  /** Every pack, the oldest first. */
  packs(): PackRow[] {
    return this.#sql.all("SELECT number, id, size, compressor, sum FROM packs ORDER BY number").map((columns) => {
      const [number, id, sizeBytes, compressor] = columns;
      if (!isRowSound(columns)) throw damagedRow(`pack ${number as number}`);
      const row = { number, id: digestFromBytes(id as Uint8Array), sizeBytes, compressor } as PackRow;
      this.#packs.set(row.number, row);
      return row;
    });
  }

  /** Adds a pack and its contents, inside a transaction; see `ContentTable.add` for those that are known already. */
  addPack(pack: PackFile, options: { readonly prefer?: boolean } = {}): void {
    const isWhole = this.#contents.add(this.#numberOf(pack), pack.table, options);
    if (!isWhole) this.#late?.push(pack);
  }

  /** The pack's number, a new one where it is not known. */
  #numberOf(pack: PackFile): number {
    const sql = "SELECT number FROM packs WHERE id = ?";
    const known = this.#sql.get(sql, digestBytes(pack.id));
    if (known !== undefined) return known[0] as number;
    const values = [digestBytes(pack.id), pack.sizeBytes, pack.table.compressor] as const;
    this.#sql.run("INSERT INTO packs (id, size, compressor, sum) VALUES (?, ?, ?, 0)", ...values);
    const number = this.#sql.get(sql, digestBytes(pack.id))?.[0] as number;
    this.#sql.run("UPDATE packs SET sum = ? WHERE number = ?", sumOfRow([number, ...values]), number);
    return number;
  }

  /** Forgets a pack and the contents that lie in it. */
  removePack(pack: PackRow): void {
    this.#contents.removePack(pack.number);
    this.removeEmptyPack(pack.number);
  }

  /** Forgets a pack, and by that what lies in it; rows that it has are found no more. */
  removeEmptyPack(number: number): void {
    this.#sql.run("DELETE FROM packs WHERE number = ?", number);
    this.#packs.delete(number);
  }

  removeContent(digest: Digest): void {
    this.#contents.remove(digest);
  }

  digestOfRow(number: number): Digest | undefined {
    return this.#contents.digestOfRow(number);
  }

  removeRow(number: number): void {
    this.#contents.removeRow(number);
  }

  /** Removes the rows of packs that were forgotten by `removeEmptyPack` although they had some. */
  removeLostRows(): void {
    // In steps: others write meanwhile, and a transaction over all would keep every page that it changes.
    const step = (): boolean => this.#contents.removeSomeLost(new Set(this.packs().map(({ number }) => number)));
    while (this.transaction(step)) continue;
  }

  /** The bytes of joined contents are those of their pieces. */
  counts(): { readonly contents: number; readonly contentBytes: number; readonly actions: number } {
    return { ...this.#contents.counts(), actions: this.actions.count() };
  }

  /**
   * What SQLite finds wrong with the file, line by line. Whether its indexes agree with its tables takes ten times as
   * long: what only an index lacks is not found, and so never wrong.
   */
  faults({ ofIndexes }: { readonly ofIndexes: boolean }): string[] {
    const rows = this.#sql.all(`PRAGMA ${ofIndexes ? "integrity_check" : "quick_check"}`);
    return rows.map((row) => String(row[0])).filter((line) => line !== "ok");
  }

  /** Rows that are not what was written. With `drop` they are removed, for packs to be listed anew. */
  damagedRows({ drop }: { readonly drop: boolean }): DamagedRow[] {
    if (drop) this.#packs.clear();
    return findDamagedRows(this.#sql, { drop });
  }

  /** How long the file is once all that is written has come to its place. */
  get sizeBytes(): number {
    return this.#pragma("page_count") * this.#pragma("page_size");
  }

  #pragma(name: string): number {
    return this.#sql.get(`PRAGMA ${name}`)?.[0] as number;
  }

  /** Gives pages back to the file system where many of them are free. */
  compact(): void {
    const isSparse = this.#pragma("freelist_count") > this.#pragma("page_count") * freeShareMin;
    if (isSparse) onDisk("write the store's index", () => this.#database.exec("VACUUM"));
    this.trim();
  }

  /** Empties SQLite's log of what is written. */
  trim(): void {
    onDisk("write the store's index", () => this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }

  close(): void {
    this.#database.close();
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
