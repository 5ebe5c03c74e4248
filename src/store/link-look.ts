// SPDX-License-Identifier: Apache-2.0
import { lstatSync, type Stats } from "node:fs";

/** Where a link's name goes on behind the digest. */
const digestChars = 64;

/**
 * Tells whether a link's inode still has the mode, owner and time that its name says; undefined where it is not there.
 * Whoever writes into a checkout by links writes into the store's inode, and that sets its time. A symlink cannot be
 * written to, and is not looked at: its name says nothing that lstat(2) could show.
 */
export function isAsNamed(path: string): boolean | undefined {
  const at = path.lastIndexOf("/") + 1 + digestChars;
  if (path.startsWith(".link.", at)) return true;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const meta = metaOf(stats);
  if (!stats.isFile() || !path.startsWith(meta, at)) return false;
  // Attributes or the number of a replica may follow.
  const next = path[at + meta.length];
  return next === undefined || next === "." || next === "~";
}

/** A time between two seconds, which no link has, is a number with a fraction here. */
function metaOf({ mode, uid, gid, mtimeMs }: Stats): string {
  return `.${(mode & 0o7777).toString(8)}.${uid}.${gid}.${mtimeMs / 1000}`;
}
