// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync, readdirSync, readlinkSync, renameSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestFromHex, hexOf, isSystemError } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import { ownOwner, settableMeta } from "./entry-meta.ts";
import { type Layout, makeDirs, makeTmpDir } from "./layout.ts";
import { removeTree } from "./remove-tree.ts";
import { alone } from "./store-lock.ts";

export interface RootMaker {
  readonly readTree: () => Tree;
  readonly checkOut: (dir: string) => void;
}

/**
 * The directory that holds a tree by links, made by `checkOut` where it is not there yet, or where its inodes were
 * written to through some checkout. Two processes may do this at once: a directory gets its name when it is whole, and
 * who comes second takes his own away.
 */
export function keepRoot(layout: Layout, tree: Digest, { readTree, checkOut }: RootMaker): string {
  const path = join(layout.roots, hexOf(tree));
  if (existsSync(path)) {
    const wanted = readTree();
    if (isSound(path, wanted)) return path;
    // Another process may have made it anew since, and run on it by now: of those who judge, one at a time acts.
    if (alone(layout, () => isSound(path, wanted) || setAside(layout, path))) return path;
  }
  makeDirs(layout.roots);
  const made = makeTmpDir(layout.tmp, "root");
  try {
    checkOut(made);
    renameSync(made, path);
  } catch (error) {
    removeTree(made);
    if (!isSystemError(error, "ENOTEMPTY", "EEXIST")) throw error;
  }
  return path;
}

/** Tells whether the root is as the tree says; one that is moved away meanwhile is not. */
function isSound(path: string, tree: Tree): boolean {
  try {
    return rootFaults(path, tree)[Symbol.iterator]().next().done === true;
  } catch (error) {
    if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw error;
    return false;
  }
}

/** Whoever runs on it goes on there; gc removes it. */
function setAside(layout: Layout, path: string): false {
  const aside = makeTmpDir(layout.tmp, "root");
  try {
    renameSync(path, join(aside, "changed"));
  } catch (error) {
    // Another process was faster.
    if (!isSystemError(error, "ENOENT")) throw error;
  }
  return false;
}

/** The trees that are kept checked out, and where. */
export function listRoots(layout: Layout): { readonly tree: Digest; readonly path: string }[] {
  if (!existsSync(layout.roots)) return [];
  const names = readdirSync(layout.roots).filter((name) => /^[0-9a-f]{64}$/.test(name));
  return names.sort().map((name) => ({ tree: digestFromHex(name), path: join(layout.roots, name) }));
}

/** Takes all away; they are made again when needed. The caller holds the exclusive side of the lease lock. */
export function dropRoots(layout: Layout): void {
  if (!existsSync(layout.roots)) return;
  for (const name of readdirSync(layout.roots)) removeTree(join(layout.roots, name));
}

/** What is not as `tree` says, without reading contents: their inodes are those of links, which fsck reads. */
export function* rootFaults(path: string, tree: Tree): Iterable<string> {
  const owner = ownOwner();
  const there = new Set(pathsBelow(path));
  for (const entry of tree) {
    // A name that is not UTF-8 does not survive the listing, and not every user may make devices.
    if (!entry.path.isWellFormed() || entry.type === "char" || entry.type === "block") continue;
    if (!there.delete(entry.path)) yield `"/${entry.path}" is not there`;
    else if (!isAs(join(path, entry.path), settableMeta(entry, owner))) yield `"/${entry.path}" has changed`;
  }
  const devices = new Set<string>(tree.map((entry) => entry.path));
  for (const name of there) if (!devices.has(name) && !name.includes("\uFFFD")) yield `"/${name}" is strange there`;
}

function isAs(path: string, entry: Entry): boolean {
  const stats = lstatSync(path);
  if (stats.uid !== entry.uid || stats.gid !== entry.gid) return false;
  if (Math.floor(stats.mtimeMs / 1000) !== entry.mtimeSeconds) return false;
  if (entry.type === "symlink") return stats.isSymbolicLink() && readlinkSync(path) === entry.target;
  if ((stats.mode & 0o7777) !== entry.mode) return false;
  if (entry.type === "dir") return stats.isDirectory();
  if (entry.type === "fifo") return stats.isFIFO();
  return stats.isFile() && (entry.type !== "file" || stats.size === entry.sizeBytes);
}

/** Not Node's own recursive listing: that follows links to directories, out of the root too. */
function* pathsBelow(root: string, below = ""): Iterable<string> {
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    yield path;
    if (entry.isDirectory()) yield* pathsBelow(root, path);
  }
}
