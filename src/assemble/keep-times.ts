// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import { isSameEntry, type OwnedTree } from "./merge-trees.ts";

/**
 * Gives what differs from the tree below in nothing but its time the entry that it has there: scripts write files
 * anew that stay what they were, and layers of ours shall not repeat what a foreign image has.
 */
export function keepTimes(below: Tree, upper: OwnedTree): OwnedTree {
  const before = new Map<ImagePath, Entry>(below.map((entry) => [entry.path, entry]));
  let count = 0;
  const tree = upper.tree.map((entry) => {
    const old = before.get(entry.path);
    if (old === undefined || old === entry || old.mtimeSeconds === entry.mtimeSeconds) return entry;
    if (!isSameEntry(old, { ...entry, mtimeSeconds: old.mtimeSeconds })) return entry;
    count++;
    return old;
  });
  return count === 0 ? upper : { ...upper, tree };
}
