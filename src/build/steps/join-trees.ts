// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import { addParents, sourceDirectory } from "./source-entries.ts";

/** A tree, and the directory that it comes to lie in: "" for the root. */
export interface PlacedTree {
  readonly at: string;
  readonly tree: Tree;
}

/**
 * Joins trees, the later over the earlier: a file takes a file's place, directories are united. Directories
 * above a place are made. Throws `BUILD_SOURCE_CONFLICT` where a file and a directory meet.
 */
export function joinTrees(trees: readonly PlacedTree[]): Tree {
  const entries = new Map<ImagePath, Entry>();
  for (const { at, tree } of trees) {
    if (at !== "") put(entries, sourceDirectory(parsePath(at)));
    for (const entry of tree) put(entries, at === "" ? entry : moved(entry, at));
  }
  for (const path of [...entries.keys()]) addParents(entries, path);
  return makeTree(entries.values());
}

function put(entries: Map<ImagePath, Entry>, entry: Entry): void {
  const before = entries.get(entry.path);
  if (before === undefined || (before.type !== "dir" && entry.type !== "dir")) entries.set(entry.path, entry);
  else if (before.type !== entry.type) {
    const message = `Cannot put sources together: "${entry.path}" is a directory of one and a file of another`;
    throw new AshlarError("BUILD_SOURCE_CONFLICT", message, { hint: "give one of them another `to`" });
  }
}

function moved(entry: Entry, at: string): Entry {
  const path = parsePath(`${at}/${entry.path}`);
  return entry.type === "hardlink"
    ? { ...entry, path, target: parsePath(`${at}/${entry.target}`) }
    : { ...entry, path };
}

/** What lies below a directory of a tree, as a tree of its own; hard links that lead out of it are left out. */
export function treeBelow(tree: Tree, dir: string): Tree {
  const start = `${dir}/`;
  return tree.flatMap((entry): Entry[] => {
    if (!entry.path.startsWith(start)) return [];
    const path = parsePath(entry.path.slice(start.length));
    if (entry.type !== "hardlink") return [{ ...entry, path }];
    return entry.target.startsWith(start)
      ? [{ ...entry, path, target: parsePath(entry.target.slice(start.length)) }]
      : [];
  });
}
