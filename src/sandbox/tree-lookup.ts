// SPDX-License-Identifier: Apache-2.0
import { comparePaths, type ImagePath, parentOf } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";

const symlinksMax = 40;

/** What a path leads to: through symlinks as the kernel goes, never above the root. */
export interface Found {
  /** Without a symlink on the way; "" for the root. */
  readonly path: string;
  /** Undefined for the root, and where nothing is there. */
  readonly entry: Entry | undefined;
}

/** Looks paths up in a tree; undefined for a circle of symlinks. */
export function treeLookup(tree: Tree): (path: string) => Found | undefined {
  return (path) => {
    const parts = path.split("/");
    let at = "";
    for (let links = 0; parts.length > 0;) {
      const part = parts.shift() as string;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = parentOf(at as ImagePath) ?? "";
        continue;
      }
      const next = at === "" ? part : `${at}/${part}`;
      const entry = findEntry(tree, next);
      if (entry?.type !== "symlink") at = next;
      else if (++links > symlinksMax) return undefined;
      else {
        parts.unshift(...entry.target.split("/"));
        if (entry.target.startsWith("/")) at = "";
      }
    }
    return { path: at, entry: findEntry(tree, at) };
  };
}

/** The entry at a path, by halving: a tree is in the order of its paths. */
function findEntry(tree: Tree, path: string): Entry | undefined {
  let [low, high] = [0, tree.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths((tree[middle] as Entry).path, path) < 0) low = middle + 1;
    else high = middle;
  }
  return tree[low]?.path === path ? tree[low] : undefined;
}
