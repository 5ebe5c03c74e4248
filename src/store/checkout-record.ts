// SPDX-License-Identifier: Apache-2.0
import { type BigIntStats, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { canonicalJson, type Digest, digestOf, hexOf, isDigest, isSystemError } from "../base/index.ts";
import { type Layout, makeDirs, makeTmpFile, replaceFile } from "./layout.ts";
import type { CheckoutMode } from "./store.ts";

/** What a directory outside the store holds, as far as we know. */
export interface CheckoutRecord {
  /** The directory's path without symlinks. */
  readonly dir: string;
  /** Of the directory itself, as decimal text: a new one of the same name is another. */
  readonly inode: string;
  /** When it was made, as decimal text, "0" where the file system does not tell: numbers of inodes are used again. */
  readonly bornNs: string;
  readonly mode: CheckoutMode;
  readonly tree: Digest;
  /**
   * When the checkout was finished, by the clock of its file system, in nanoseconds since 1970 as decimal text:
   * what was changed since is not trusted. "0" as long as it is being made.
   */
  readonly finishedNs: string;
}

/** Remembers what directories hold. */
export interface CheckoutRecords {
  read(dir: string): CheckoutRecord | undefined;
  write(record: CheckoutRecord): void;
  remove(dir: string): void;
}

/** One file for each directory, named by the digest of its path; written anew and renamed. */
export function diskRecords(layout: Layout): CheckoutRecords {
  const pathOf = (dir: string): string => join(layout.checkouts, hexOf(digestOf(dir)));
  return {
    read: (dir) => readRecordFile(pathOf(dir)),
    write(record) {
      makeDirs(layout.checkouts);
      replaceFile(makeTmpFile(layout.tmp, "checkout"), pathOf(record.dir), encodeCheckoutRecord(record));
    },
    remove: (dir) => rmSync(pathOf(dir), { force: true }),
  };
}

/** The twin in memory. */
export function memoryRecords(): CheckoutRecords {
  const records = new Map<string, CheckoutRecord>();
  return {
    read: (dir) => records.get(dir),
    write: (record) => void records.set(record.dir, record),
    remove: (dir) => void records.delete(dir),
  };
}

/** What tells a directory from another one of the same name. */
export function identityOf({ ino, birthtimeNs }: BigIntStats): Pick<CheckoutRecord, "inode" | "bornNs"> {
  return { inode: ino.toString(), bornNs: birthtimeNs.toString() };
}

/** Tells whether a directory is the one that a record is about. */
export function isSameDir({ inode, bornNs }: CheckoutRecord, stats: BigIntStats): boolean {
  const now = identityOf(stats);
  return now.inode === inode && now.bornNs === bornNs;
}

/** The files of records whose directory is gone, or is another by now. */
export function lostRecords(layout: Layout): string[] {
  const files = readDirIfThere(layout.checkouts).map((name) => join(layout.checkouts, name));
  return files.filter((path) => {
    const record = readRecordFile(path);
    const stats = record && lstatSync(record.dir, { throwIfNoEntry: false, bigint: true });
    return record === undefined || stats === undefined || !isSameDir(record, stats);
  });
}

const kind = "checkout/v1";

function encodeCheckoutRecord({ dir, inode, bornNs, mode, tree, finishedNs }: CheckoutRecord): string {
  return `${canonicalJson({ ashlar: kind, dir, inode, bornNs, mode, tree, finishedNs })}\n`;
}

/** Parses a record's file; undefined where it is none. */
export function parseCheckoutRecord(text: string): CheckoutRecord | undefined {
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value?.["ashlar"] !== kind) return undefined;
  const { dir, inode, bornNs, mode, tree, finishedNs } = value;
  if (typeof dir !== "string" || ![inode, bornNs, finishedNs].every(isDecimal)) return undefined;
  if (typeof tree !== "string" || !isDigest(tree)) return undefined;
  if (mode !== "link" && mode !== "reflink" && mode !== "copy") return undefined;
  return { dir, inode, bornNs, mode, tree, finishedNs } as CheckoutRecord;
}

function isDecimal(value: unknown): value is string {
  return typeof value === "string" && /^\d{1,20}$/.test(value);
}

function readRecordFile(path: string): CheckoutRecord | undefined {
  try {
    return parseCheckoutRecord(readFileSync(path, "utf8"));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

function readDirIfThere(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}
