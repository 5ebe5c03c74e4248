// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import { closeSync, constants, type Dirent, lstatSync, openSync, readdirSync, readSync, type Stats } from "node:fs";
import { join } from "node:path";

import { type Digest, Hasher, isSystemError } from "../base/index.ts";

/** A regular file below some directory. */
export interface FoundFile {
  /** Relative to the directory. */
  readonly path: string;
  readonly stats: Stats;
}

/** Larger files are read in pieces of this size. */
const bufferBytes = 1 << 20;
const buffer = Buffer.allocUnsafeSlow(bufferBytes);
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface WalkOptions {
  /** A directory, whole path, that is passed over. */
  readonly except: string;
  /** Told of each directory and file that cannot be looked at. */
  readonly onSkip: () => void;
}

/**
 * Every regular file below a directory that is not empty, on the directory's own file system; no symbolic link is
 * followed. Names that are not UTF-8 are passed over.
 */
export function* walkFiles(dir: string, options: WalkOptions): Generator<FoundFile, void, void> {
  const device = lstatSync(dir).dev;
  const open: string[] = [""];
  for (let below = open.pop(); below !== undefined; below = open.pop()) {
    for (const entry of entriesOf(join(dir, below), options)) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        const whole = join(dir, path);
        if (whole !== options.except && statsOf(whole, options)?.dev === device) open.push(path);
      } else if (entry.isFile()) {
        const stats = statsOf(join(dir, path), options);
        if (stats?.isFile() === true && stats.dev === device && stats.size > 0) yield { path, stats };
      }
    }
  }
}

function entriesOf(dir: string, options: WalkOptions): Dirent[] {
  const entries = unlessGone(() => readdirSync(dir, { withFileTypes: true }), options) ?? [];
  return entries.filter((entry) => !entry.name.includes("\uFFFD") || void options.onSkip());
}

function statsOf(path: string, options: WalkOptions): Stats | undefined {
  return unlessGone(() => lstatSync(path), options);
}

function unlessGone<T>(step: () => T, { onSkip }: WalkOptions): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!isPassing(error)) throw error;
    onSkip();
    return undefined;
  }
}

/** The digest of a file's bytes; undefined where it cannot be read, or has not the size it should have. */
export function digestOfFile(path: string, sizeBytes: number): Digest | undefined {
  const fd = openFile(path);
  if (fd === undefined) return undefined;
  try {
    const first = readSync(fd, buffer, 0, bufferBytes, null);
    // Most files are small: one read into memory that is there, one call that hashes it.
    if (first === sizeBytes && first < bufferBytes) {
      return `sha256:${hash("sha256", buffer.subarray(0, first), "hex")}` as Digest;
    }
    const hasher = new Hasher();
    for (let count = first; count > 0 && hasher.sizeBytes <= sizeBytes; ) {
      hasher.update(buffer.subarray(0, count));
      count = readSync(fd, buffer, 0, bufferBytes, null);
    }
    return hasher.sizeBytes === sizeBytes ? hasher.digest() : undefined;
  } catch (error) {
    if (isPassing(error)) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Hands a file's bytes on, in pieces that are valid during the call; false where it cannot be read to this size. */
export function readFile(path: string, sizeBytes: number, take: (bytes: Uint8Array) => void): boolean {
  const fd = openFile(path);
  if (fd === undefined) return false;
  try {
    let got = 0;
    for (let count = 1; count > 0 && got <= sizeBytes; got += count) {
      count = readSync(fd, buffer, 0, bufferBytes, null);
      take(buffer.subarray(0, count));
    }
    return got === sizeBytes;
  } catch (error) {
    if (isPassing(error)) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Symbolic links are refused, and a fifo does not hang. */
function openFile(path: string): number | undefined {
  try {
    return openSync(path, openFlags);
  } catch (error) {
    if (isPassing(error)) return undefined;
    throw error;
  }
}

/** What happens to files of a living system: gone, replaced, not for us, or on a disk that fails there. */
function isPassing(error: unknown): boolean {
  return isSystemError(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENXIO", "EISDIR", "EIO", "ESTALE");
}
