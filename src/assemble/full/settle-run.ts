// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import type { OwnedTree } from "../merge-trees.ts";
import { adminDir, databaseOwner } from "./database-input.ts";
import { isOfRun, stubPaths } from "./installation-script.ts";

/** Who owns what maintainer scripts made. */
export const scriptsOwner = "@scripts";

/**
 * The root after a run: without what was there for the run alone, the programs that stubs stood in for put
 * back. An entry at a path that had an owner keeps it; the rest belongs to the scripts.
 */
export function settleRun(before: OwnedTree, after: Tree): OwnedTree {
  const entries = new Map<ImagePath, Entry>();
  for (const entry of after) if (!isOfRun(entry.path)) entries.set(entry.path, entry);
  for (const path of stubPaths) {
    const entry = before.tree.find((other) => other.path === path);
    if (entry === undefined) entries.delete(path as ImagePath);
    else entries.set(entry.path, entry);
  }
  const owners = new Map<ImagePath, string>();
  for (const path of entries.keys()) owners.set(path, before.owners.get(path) ?? ownerOfNew(path));
  return { tree: makeTree(entries.values()), owners };
}

function ownerOfNew(path: ImagePath): string {
  return path.startsWith(`${adminDir}/`) ? databaseOwner : scriptsOwner;
}
