// SPDX-License-Identifier: Apache-2.0
import { baseNameOf, type ImagePath, parentOf, parsePath } from "../base/index.ts";
import { emptyDigest } from "../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Tree } from "../formats/index.ts";
import { isSameEntry, type OwnedTree } from "./merge-trees.ts";

/**
 * The tree of the layer that makes `upper` of `lower`: every entry that is new or different, all names of a
 * file with several when one of them is, the directories above with the metadata they have in `upper`, and a
 * whiteout for what is gone (OCI image-spec v1.1, layer.md).
 */
export function phaseDifference(lower: Tree, upper: Tree): Tree {
  const before = new Map<ImagePath, Entry>(lower.map((entry) => [entry.path, entry]));
  const after = new Map<ImagePath, Entry>(upper.map((entry) => [entry.path, entry]));
  const layer = new Map<ImagePath, Entry>();
  for (const entry of upper) {
    const old = before.get(entry.path);
    if (old === undefined || !isSameEntry(old, entry)) layer.set(entry.path, entry);
  }
  addLinkGroups(layer, upper);
  for (const entry of lower) {
    if (after.has(entry.path)) continue;
    const parent = parentOf(entry.path);
    // Where the directory went, or became something else, one entry says so for all that was in it.
    if (parent !== undefined && after.get(parent)?.type !== "dir") continue;
    const gone = whiteout(entry.path);
    layer.set(gone.path, gone);
  }
  for (const path of [...layer.keys()]) addDirectories(layer, path, after);
  return makeTree(layer.values());
}

/** A hard link and its target must be in one layer: below it the file would be another inode. */
function addLinkGroups(layer: Map<ImagePath, Entry>, upper: Tree): void {
  const links = upper.filter((entry) => entry.type === "hardlink");
  const changed = new Set<ImagePath>();
  for (const link of links) {
    if (link.type === "hardlink" && (layer.has(link.path) || layer.has(link.target))) changed.add(link.target);
  }
  if (changed.size === 0) return;
  for (const entry of upper) {
    if (changed.has(entry.type === "hardlink" ? entry.target : entry.path)) layer.set(entry.path, entry);
  }
}

function whiteout(path: ImagePath): FileEntry {
  const parent = parentOf(path);
  const name = `.wh.${baseNameOf(path)}`;
  const at = parsePath(parent === undefined ? name : `${parent}/${name}`);
  return { type: "file", path: at, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, content: emptyDigest, sizeBytes: 0 };
}

function addDirectories(layer: Map<ImagePath, Entry>, path: ImagePath, upper: ReadonlyMap<ImagePath, Entry>): void {
  for (let parent = parentOf(path); parent !== undefined && !layer.has(parent); parent = parentOf(parent)) {
    layer.set(parent, upper.get(parent) as Entry);
  }
}

/**
 * Splits what a layer holds beside directories by who put it there; the blocks that layers are composed of.
 * In the order of the owners' names; whiteouts and what nobody owns go by "".
 */
export function splitByOwner(layer: Tree, owners: OwnedTree["owners"]): ReadonlyMap<string, Tree> {
  const blocks = new Map<string, Entry[]>();
  for (const entry of layer) {
    if (entry.type === "dir") continue;
    const owner = owners.get(entry.path) ?? "";
    const block = blocks.get(owner);
    if (block === undefined) blocks.set(owner, [entry]);
    else block.push(entry);
  }
  return new Map([...blocks].sort(([a], [b]) => (a < b ? -1 : 1)));
}
