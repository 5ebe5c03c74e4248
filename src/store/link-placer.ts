// SPDX-License-Identifier: Apache-2.0
import { linkSync, lstatSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";

import { isSystemError, pathToBytes } from "../base/index.ts";
import { type HostPath, ownOwner } from "./entry-meta.ts";
import { fillFile, fillSymlink, type Placer, type ReadContent } from "./file-placer.ts";
import { inodeKey } from "./inode-key.ts";
import { type Layout, makeDirs, makeTmpFile, makeTmpSymlink } from "./layout.ts";
import { isAsNamed } from "./link-look.ts";
import { type LinkedEntry, linkName, linkPlace, replicaName, settleEntry } from "./link-farm.ts";

export interface LinkOptions {
  /** How many names an inode may have; absent: as many as the file system allows. For tests. */
  readonly linkCountMax?: number | undefined;
  /** How many inodes of a link, by its name, are taken already; see `countLinks`. */
  readonly used?: ReadonlyMap<string, number> | undefined;
  /** Inodes that the checkout holds already. */
  readonly taken?: ReadonlySet<string> | undefined;
}

/**
 * Places files and symlinks by hard links to the store's links, making those that are missing. For one checkout:
 * it hands out each inode once, because programs take two names of one inode for one file. A further file of
 * equal content and metadata gets a replica (`NAME~1`, `NAME~2`, ...). Where an inode has as many names as
 * the file system allows, a new one takes its place in the store.
 */
export function linkPlacer(layout: Layout, readContent: ReadContent, options: LinkOptions = {}): Placer {
  const owner = ownOwner();
  const next = new Map<string, number>();
  return {
    place(entry, paths) {
      const settled = settleEntry(entry, owner);
      const name = linkName(settled);
      const first = next.get(name) ?? options.used?.get(name) ?? 0;
      const replica = freeReplica(layout, name, { first, taken: options.taken });
      next.set(name, replica + 1);
      const source = `${layout.links}/${linkPlace(replicaName(name, replica))}`;
      linkAll(source, paths, { make: () => makeLink(layout, settled, { path: source, readContent }), ...options });
    },
    placeReady({ pairs, entryOf }, root) {
      const [from, to] = [`${layout.links}/`, `${root}/`];
      for (let i = 0; i < pairs.length; i += 2) {
        const [source, path] = [from + (pairs[i] as string), to + (pairs[i + 1] as string)];
        const isReady = options.linkCountMax === undefined && isAsNamed(source) === true;
        if (isReady && linkOrFault(source, path) === undefined) continue;
        const make = (): void => {
          const entry = settleEntry(entryOf(pairs[i + 1] as string), owner);
          makeLink(layout, entry, { path: source, readContent });
        };
        linkAll(source, [path], { make, ...options });
      }
    },
  };
}

interface FreeOptions {
  readonly first: number;
  readonly taken: ReadonlySet<string> | undefined;
}

function freeReplica(layout: Layout, name: string, { first, taken }: FreeOptions): number {
  if (taken === undefined || taken.size === 0) return first;
  for (let replica = first; ; replica++) {
    const path = `${layout.links}/${linkPlace(replicaName(name, replica))}`;
    const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    if (stats === undefined || !taken.has(inodeKey(stats))) return replica;
  }
}

interface LinkSteps {
  /** Makes the link anew, in place of one that is there. */
  readonly make: () => void;
  readonly linkCountMax?: number | undefined;
}

/** How often a link is made anew: garbage collection may take one that no checkout has as soon as it is there. */
const attemptCountMax = 20;

/**
 * Links all names to one inode: to a new one where the link is missing, was written to through a checkout, or has no
 * room for so many names.
 */
function linkAll(source: string, paths: readonly HostPath[], { make, linkCountMax }: LinkSteps): void {
  const isFull = linkCountMax !== undefined && nlinkOf(source) + paths.length > linkCountMax;
  if (!isFull && isAsNamed(source) === true && tryAll(source, paths) === undefined) return;
  for (let attempts = 1; ; attempts++) {
    make();
    const fault = tryAll(source, paths);
    if (fault === undefined) return;
    if (!isSystemError(fault, "ENOENT") || attempts === attemptCountMax) throw fault;
  }
}

/** Gives all names or none. Returns the error where another inode may help. */
function tryAll(source: string, paths: readonly HostPath[]): unknown {
  for (let done = 0; done < paths.length; done++) {
    const fault = linkOrFault(source, paths[done] as HostPath);
    if (fault === undefined) continue;
    for (const path of paths.slice(0, done)) unlinkSync(path);
    return fault;
  }
  return undefined;
}

/** The name's directory is there, so with ENOENT it is the link that is missing. */
function linkOrFault(source: string, path: HostPath): unknown {
  try {
    linkSync(source, path);
    return undefined;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EMLINK")) return error;
    throw error;
  }
}

function nlinkOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.nlink ?? 1;
}

interface MakeOptions {
  readonly path: string;
  readonly readContent: ReadContent;
}

/**
 * Makes a link, or replaces it by one with a new inode. Not synced: links do not outlive the run of the kernel
 * in which they were made (`recover` in recover.ts).
 */
export function makeLink(layout: Layout, entry: LinkedEntry, { path, readContent }: MakeOptions): void {
  makeDirs(dirname(path));
  if (entry.type === "file") makeFileLink(layout, entry, { path, readContent });
  else makeSymlinkLink(layout, entry, path);
}

function makeFileLink(layout: Layout, entry: LinkedEntry & { type: "file" }, { path, readContent }: MakeOptions): void {
  const file = makeTmpFile(layout.tmp, "link");
  try {
    fillFile(entry, file.path, file.fd, readContent);
    renameSync(file.path, path);
  } catch (error) {
    rmSync(file.path, { force: true });
    throw error;
  }
}

function makeSymlinkLink(layout: Layout, entry: LinkedEntry & { type: "symlink" }, path: string): void {
  const made = makeTmpSymlink(layout.tmp, "link", pathToBytes(entry.target));
  try {
    fillSymlink(entry, made);
    renameSync(made, path);
  } catch (error) {
    rmSync(made, { force: true });
    throw error;
  }
}
