// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, type ImagePath, type Json, parentOf } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";

/**
 * What to lay over a directory that holds `near`, so that an overlay of both shows `root`: the entries that differ
 * with their directories. Undefined where something of `near` is gone in `root`, which no plain directory can say.
 */
export function planOver(near: Tree, root: Tree): Tree | undefined {
  const wanted = new Map(root.map((entry) => [entry.path, entry]));
  if (near.some((entry) => isGone(entry.path, wanted))) return undefined;
  const there = new Map(near.map((entry) => [entry.path, entry]));
  const changed = root.filter((entry) => !isEqual(there.get(entry.path), entry));
  return withParents(withGroups(changed, near, root), wanted);
}

/** What lies below something that is no directory any more is hidden by it. */
function isGone(path: ImagePath, wanted: ReadonlyMap<ImagePath, Entry>): boolean {
  if (wanted.has(path)) return false;
  const parent = parentOf(path);
  if (parent === undefined) return true;
  // Where the parent is gone too, its own entry tells.
  return wanted.get(parent)?.type === "dir";
}

function isEqual(a: Entry | undefined, b: Entry): boolean {
  if (a === b) return true;
  if (a === undefined || a.type !== b.type || a.mode !== b.mode || a.mtimeSeconds !== b.mtimeSeconds)
    return false;
  return canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);
}

/** Names of one inode lie in one directory: where a group differs in anything, all of it is laid over. */
function withGroups(changed: readonly Entry[], near: Tree, root: Tree): Entry[] {
  const groups = new Set<ImagePath>();
  const touched = new Set(changed.map((entry) => entry.path));
  for (const entry of changed) groups.add(entry.type === "hardlink" ? entry.target : entry.path);
  // A name that left its group: its old first name has one fewer.
  for (const entry of near) {
    if (entry.type === "hardlink" && (touched.has(entry.path) || groups.has(entry.target)))
      groups.add(entry.target);
  }
  return root.filter((entry) => {
    return touched.has(entry.path) || groups.has(entry.type === "hardlink" ? entry.target : entry.path);
  });
}

/** The entries with all directories above them. */
export function withParents(entries: readonly Entry[], all: ReadonlyMap<ImagePath, Entry>): Tree {
  const tree = new Map(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    for (let path = parentOf(entry.path); path !== undefined && !tree.has(path); path = parentOf(path)) {
      const parent = all.get(path);
      if (parent === undefined) throw new Error(`internal error: "${entry.path}" has no parent`);
      tree.set(path, parent);
    }
  }
  return makeTree(tree.values());
}
