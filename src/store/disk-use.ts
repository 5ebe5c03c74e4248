// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";

export interface DiskUse {
  readonly count: number;
  /** What the file system has given for them: whole blocks, none for holes. */
  readonly bytes: number;
}

/** What one file or directory has on disk, in bytes. `st_blocks` counts 512 bytes whatever the block size is. */
export function blockBytes(stats: Pick<Stats, "blocks">): number {
  return stats.blocks * 512;
}

/** What these files have on disk; those that are gone count for nothing. */
export function diskUseOf(paths: Iterable<string>): DiskUse {
  let count = 0;
  let bytes = 0;
  for (const path of paths) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    count++;
    bytes += blockBytes(stats);
  }
  return { count, bytes };
}

/**
 * What directories have on disk with all below, as du(1) counts: an inode once, whatever its names are. Of what
 * belongs to others and cannot be looked into, only the entry itself.
 */
export function diskUseBelow(dirs: readonly string[]): DiskUse {
  const seen = new Set<string>();
  let bytes = 0;
  let count = 0;
  const add = (path: string): void => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return;
    const inode = `${stats.dev}:${stats.ino}`;
    if (stats.nlink > 1 && seen.has(inode)) return;
    seen.add(inode);
    count++;
    bytes += blockBytes(stats);
    if (stats.isDirectory()) for (const name of namesIn(path)) add(join(path, name));
  };
  for (const dir of dirs) add(dir);
  return { count, bytes };
}

/** What the file system gives back when all these names go: of an inode with other names nothing. */
export function freedBy(paths: Iterable<string>): number {
  const inodes = new Map<string, { names: number; readonly stats: Stats }>();
  for (const path of paths) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const inode = `${stats.dev}:${stats.ino}`;
    const known = inodes.get(inode);
    if (known === undefined) inodes.set(inode, { names: 1, stats });
    else known.names++;
  }
  let bytes = 0;
  for (const { names, stats } of inodes.values()) {
    if (stats.isDirectory() || names >= stats.nlink) bytes += blockBytes(stats);
  }
  return bytes;
}

/** Every path below a directory, following no symlink; `kind` "dir" leaves out all but directories. */
export function* pathsBelow(dir: string, kind: "any" | "dir" = "any"): Iterable<string> {
  for (const name of namesIn(dir)) {
    const path = join(dir, name);
    const isDir = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    if (isDir || kind === "any") yield path;
    if (isDir) yield* pathsBelow(path, kind);
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EACCES")) return [];
    throw error;
  }
}
