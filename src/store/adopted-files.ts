// SPDX-License-Identifier: Apache-2.0
import { realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";

import { AshlarError, type Digest, Hasher, isSystemError } from "../base/index.ts";
import type { AdoptedDatabase, AdoptedRow, FileMark } from "./adopted-database.ts";
import type { AdoptedDir, AdoptedFiles, AdoptOptions, AdoptReport } from "./adopted.ts";
import type { ContentInfo, PackWriter } from "./store.ts";
import { digestOfFile, type FoundFile, readFile, walkFiles } from "./walk-files.ts";

export interface AdoptionParts {
  /** Gives the database; undefined where there is none and `make` is not set. */
  readonly open: (make: boolean) => AdoptedDatabase | undefined;
  /** The store's own directory: never adopted. */
  readonly storeDir: string;
}

/** So many files are noted at once; an adoption that is interrupted goes on there. */
const batchCount = 4096;

/** Files of the host as a source of contents: remembered when they are looked at, proven when they are used. */
export class Adoption implements AdoptedFiles {
  readonly #parts: AdoptionParts;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
  }

  add(dir: string, options: AdoptOptions = {}): AdoptReport {
    const base = wholeDir(dir, this.#parts.storeDir);
    const database = this.#parts.open(true) as AdoptedDatabase;
    const number = database.addDir(base);
    const known = database.known(number);
    const writer = new RowWriter(database, number);
    const report = { dir: base, files: 0, bytes: 0, readFiles: 0, readBytes: 0, skipped: 0, forgotten: 0 };
    const onSkip = (): void => void report.skipped++;
    for (const file of walkFiles(base, { except: this.#parts.storeDir, onSkip })) {
      const mark = markOf(file);
      const isSame = sameMark(known.get(file.path), mark);
      const digest = isSame ? undefined : digestOfFile(join(base, file.path), mark.sizeBytes);
      if (!isSame && digest === undefined) {
        report.skipped++;
        continue;
      }
      const instead = known.get(file.path)?.row;
      known.delete(file.path);
      report.files++;
      report.bytes += mark.sizeBytes;
      if (digest === undefined) continue;
      report.readFiles++;
      report.readBytes += mark.sizeBytes;
      writer.put({ path: file.path, digest, instead, ...mark });
      options.onRead?.(mark.sizeBytes);
    }
    writer.flush();
    report.forgotten = known.size;
    database.transaction(() => {
      for (const { row } of known.values()) database.remove(row);
    });
    return report;
  }

  list(): readonly AdoptedDir[] {
    return this.#parts.open(false)?.dirs() ?? [];
  }

  forget(dir: string): boolean {
    return this.#parts.open(false)?.removeDir(nameOfDir(dir)) ?? false;
  }

  sizes(digests: Iterable<Digest>): Map<Digest, number> {
    const database = this.#parts.open(false);
    const sizes = new Map<Digest, number>();
    if (database === undefined) return sizes;
    for (const digest of digests) {
      const sizeBytes = database.sizeOf(digest);
      if (sizeBytes !== undefined) sizes.set(digest, sizeBytes);
    }
    return sizes;
  }

  take(digest: Digest, pack: PackWriter): ContentInfo | undefined {
    const database = this.#parts.open(false);
    for (const { row, base, path, sizeBytes } of database?.holders(digest) ?? []) {
      const info = putFile(join(base, path), { digest, sizeBytes, pack });
      if (info !== undefined) return info;
      database?.remove(row);
    }
    return undefined;
  }
}

/** Notes rows in batches, so that a writer does not keep others out for long. */
class RowWriter {
  readonly #database: AdoptedDatabase;
  readonly #dir: number;
  #rows: AdoptedRow[] = [];

  constructor(database: AdoptedDatabase, dir: number) {
    this.#database = database;
    this.#dir = dir;
  }

  put(row: AdoptedRow): void {
    this.#rows.push(row);
    if (this.#rows.length >= batchCount) this.flush();
  }

  flush(): void {
    this.#database.transaction(() => {
      for (const row of this.#rows) this.#database.put(this.#dir, row);
    });
    this.#rows = [];
  }
}

function markOf({ stats }: FoundFile): FileMark {
  return { sizeBytes: stats.size, mtimeMs: stats.mtimeMs, ctimeMs: stats.ctimeMs, inode: stats.ino };
}

function sameMark(a: FileMark | undefined, b: FileMark): boolean {
  return (
    a?.sizeBytes === b.sizeBytes && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.inode === b.inode
  );
}

interface Putting {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly pack: PackWriter;
}

/** Puts a file's bytes into a pack if they are still the ones; else the pack is as it was. */
function putFile(path: string, { digest, sizeBytes, pack }: Putting): ContentInfo | undefined {
  const writer = pack.open();
  const hasher = new Hasher();
  try {
    const isWhole = readFile(path, sizeBytes, (bytes) => {
      hasher.update(bytes);
      writer.write(bytes);
    });
    return isWhole && hasher.digest() === digest ? writer.end() : undefined;
  } finally {
    writer.abort();
  }
}

/** A directory under the one name it is remembered by. Throws `STORE_ADOPT_DIR`. */
function wholeDir(dir: string, storeDir: string): string {
  const wanted = "want a directory outside the store";
  const refuse = (state: string, cause?: unknown): AshlarError =>
    new AshlarError("STORE_ADOPT_DIR", `Cannot adopt "${dir}": ${state}, ${wanted}`, { cause });
  try {
    const whole = realpathSync(dir);
    if (!statSync(whole).isDirectory()) throw refuse("it is no directory");
    if (whole === storeDir || whole.startsWith(storeDir + sep)) throw refuse("it is the store's own");
    return whole;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) throw refuse("there is none", error);
    if (isSystemError(error, "EACCES", "ELOOP")) throw refuse("it cannot be entered", error);
    throw error;
  }
}

/** One that is gone is forgotten by the name it had. */
function nameOfDir(dir: string): string {
  try {
    return realpathSync(dir);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP")) return dir;
    throw error;
  }
}
