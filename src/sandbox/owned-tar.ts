// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

import { encodeTarHeader, type Entry, type Meta, tarEnd, tarPadding, type Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import { groupOf, withParents } from "./plan-over.ts";

/**
 * Writes `owned.tar`: what of a root belongs to others than root, or has attributes that only root sets, with its
 * directories. False where there is nothing.
 */
export function writeOwned(options: {
  readonly store: Store;
  readonly dir: string;
  readonly root: Tree;
}): boolean {
  const { store, dir, root } = options;
  const tree = ownedOf(root);
  if (tree.length === 0) return false;
  const fd = openSync(join(dir, "owned.tar"), "wx", 0o600);
  try {
    for (const entry of tree) {
      writeAll(fd, encodeTarHeader(entry));
      if (entry.type !== "file") continue;
      for (const bytes of store.stream(entry.content)) writeAll(fd, bytes);
      writeAll(fd, tarPadding(entry.sizeBytes));
    }
    writeAll(fd, tarEnd);
  } finally {
    closeSync(fd);
  }
  return true;
}

function ownedOf(root: Tree): Tree {
  // The kernel makes devices for nobody but the real root.
  const owned = root.filter((entry) => isForeign(entry) && entry.type !== "char" && entry.type !== "block");
  const groups = new Set(owned.map(groupOf));
  const whole = root.filter((entry) => groups.has(groupOf(entry)));
  return withParents(whole, new Map(root.map((entry) => [entry.path, entry])));
}

function isForeign(entry: Entry): boolean {
  return entry.uid !== 0 || entry.gid !== 0 || hasRootXattrs(entry);
}

function hasRootXattrs({ xattrs }: Meta): boolean {
  return xattrs !== undefined && Object.keys(xattrs).some((name) => !name.startsWith("user."));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
