// SPDX-License-Identifier: Apache-2.0
import { comparePaths, type ImagePath, parentOf } from "../base/index.ts";
import { type Entry, makeTree, type Meta, type Tree } from "../formats/index.ts";

/** What to lay over a directory that holds one tree, so that an overlay of both shows another. */
export interface Over {
  /** What differs, with its directories. */
  readonly tree: Tree;
  /** What to hide by whiteouts; their directories are in `tree`. */
  readonly gone: readonly ImagePath[];
}

/** Plans the difference from `near` to `root`. */
export function planOver(near: Tree, root: Tree): Over {
  const { changed, missing } = compareTrees(near, root);
  if (changed.length === 0 && missing.length === 0) return { tree: [], gone: [] };
  const wanted = new Map(root.map((entry) => [entry.path, entry]));
  const gone = missing.filter((path) => isGone(path, wanted));
  const parents = gone.flatMap((path) => wanted.get(parentOf(path) as ImagePath) ?? []);
  return { tree: withParents([...withGroups(changed, near, root), ...parents], wanted), gone };
}

/** Walks two trees side by side, in the order that both have. */
function compareTrees(
  near: Tree,
  root: Tree,
): { readonly changed: readonly Entry[]; readonly missing: ImagePath[] } {
  const changed: Entry[] = [];
  const missing: ImagePath[] = [];
  let at = 0;
  for (const entry of root) {
    for (let old = near[at]; old !== undefined && comparePaths(old.path, entry.path) < 0; old = near[++at]) {
      missing.push(old.path);
    }
    const old = near[at]?.path === entry.path ? near[at++] : undefined;
    if (!isEqual(old, entry)) changed.push(entry);
  }
  for (; at < near.length; at++) missing.push((near[at] as Entry).path);
  return { changed, missing };
}

/** What lies below something that is gone, or no directory any more, is hidden by that. */
function isGone(path: ImagePath, wanted: ReadonlyMap<ImagePath, Entry>): boolean {
  const parent = parentOf(path);
  return parent === undefined || wanted.get(parent)?.type === "dir";
}

function isEqual(a: Entry | undefined, b: Entry): boolean {
  if (a === b) return true;
  if (a === undefined || !isEqualMeta(a, b)) return false;
  switch (a.type) {
    case "file":
      return b.type === "file" && a.content === b.content;
    case "hardlink":
    case "symlink":
      return b.type === a.type && a.target === b.target;
    case "char":
    case "block":
      return b.type === a.type && a.major === b.major && a.minor === b.minor;
    default:
      return a.type === b.type;
  }
}

function isEqualMeta(a: Meta, b: Meta): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.mtimeSeconds !== b.mtimeSeconds)
    return false;
  if (a.xattrs === undefined || b.xattrs === undefined) return a.xattrs === b.xattrs;
  const [one, other] = [a.xattrs, b.xattrs];
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** Names of one inode lie in one directory: where a group differs in anything, all of it is laid over. */
function withGroups(changed: readonly Entry[], near: Tree, root: Tree): Entry[] {
  const touched = new Set(changed.map((entry) => entry.path));
  const groups = new Set(changed.map(groupOf));
  // A name that left its group: the others are one fewer, and have to be another inode.
  for (const entry of near)
    if (entry.type === "hardlink" && touched.has(entry.path)) groups.add(entry.target);
  return root.filter((entry) => touched.has(entry.path) || (isFile(entry) && groups.has(groupOf(entry))));
}

function isFile(entry: Entry): boolean {
  return entry.type === "file" || entry.type === "hardlink";
}

/** The first name of an entry's inode. */
export function groupOf(entry: Entry): ImagePath {
  return entry.type === "hardlink" ? entry.target : entry.path;
}

/** The entries, each once, with all directories above them. */
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
