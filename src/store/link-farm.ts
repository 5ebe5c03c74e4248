// SPDX-License-Identifier: Apache-2.0
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { canonicalJson, type Digest, digestFromHex, digestOf, hexOf, isSystemError } from "../base/index.ts";
import type { FileEntry, Tree } from "../formats/index.ts";
import { type FilePlacer, type HostPath, type Owner, ownOwner, settableMeta } from "./checkout.ts";
import { fillFile, type ReadContent } from "./file-placer.ts";
import { type Layout, makeTmpFile } from "./layout.ts";

/** What a link's name says of it: the name is the key, so a link can be proven without any table. */
export interface LinkName {
  readonly content: Digest;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** First 32 hexadecimal digits of the sha256 of the attributes' canonical JSON. */
  readonly xattrs?: string;
}

const namePattern =
  /^([0-9a-f]{64})\.([0-7]{1,4})\.(\d{1,15})\.(\d{1,15})\.(-?\d{1,15})(?:\.([0-9a-f]{32}))?(?:~\d{1,9})?$/;

/** The file name of a link: content, octal mode, uid, gid, mtime, and a hash of the attributes if there are any. */
export function linkName(entry: FileEntry): string {
  const name = `${hexOf(entry.content)}.${entry.mode.toString(8)}.${entry.uid}.${entry.gid}.${entry.mtimeSeconds}`;
  return entry.xattrs === undefined ? name : `${name}.${xattrsKey(entry.xattrs)}`;
}

/** The part of a link's name that stands for its attributes. */
export function xattrsKey(xattrs: Readonly<Record<string, string>>): string {
  return hexOf(digestOf(canonicalJson(xattrs))).slice(0, 32);
}

/** Parses a link's file name; undefined where it is none. */
export function parseLinkName(name: string): LinkName | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [, hex, mode, uid, gid, mtime, xattrs] = match as unknown as string[];
  const link: LinkName = {
    content: digestFromHex(hex as string),
    mode: Number.parseInt(mode as string, 8),
    uid: Number(uid),
    gid: Number(gid),
    mtimeSeconds: Number(mtime),
  };
  return xattrs === undefined ? link : { ...link, xattrs };
}

/** Every link of the store: its file name and path. */
export function* listLinks(layout: Layout): Iterable<{ readonly name: string; readonly path: string }> {
  for (const dir of readdirSync(layout.links).sort()) {
    for (const name of readdirSync(join(layout.links, dir)).sort()) yield { name, path: join(layout.links, dir, name) };
  }
}

export interface LinkOptions {
  /** How many names an inode may have; absent: as many as the file system allows. For tests. */
  readonly linkCountMax?: number | undefined;
  /** How many replicas of a link, by its name, are taken already; see `countLinks`. */
  readonly used?: ReadonlyMap<string, number> | undefined;
}

/** How many inodes of each link a checkout of `tree` takes, for the links that one of `above` needs too. */
export function countLinks(tree: Tree, above: Tree): Map<string, number> {
  const owner = ownOwner();
  const contents = new Set(above.map((entry) => (entry.type === "file" ? entry.content : undefined)));
  const counts = new Map<string, number>();
  for (const entry of tree) {
    if (entry.type !== "file" || !contents.has(entry.content)) continue;
    const name = linkName(settleEntry(entry, owner));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/**
 * Places files by hard links to the store's links, making those that are missing. For one checkout: it hands
 * out each inode once, because programs take two names of one inode for one file. A further file of equal
 * content and metadata, or one whose inode has as many names as the file system allows, gets a replica
 * (`NAME~1`, `NAME~2`, ...).
 */
export function linkPlacer(layout: Layout, readContent: ReadContent, options: LinkOptions = {}): FilePlacer {
  const owner = ownOwner();
  const nextReplica = new Map<string, number>();
  return {
    place(entry, paths) {
      const settable = settleEntry(entry, owner);
      const name = linkName(settable);
      const base = `${layout.links}/${name.slice(0, 2)}/${name}`;
      for (let replica = nextReplica.get(base) ?? options.used?.get(name) ?? 0; ; replica++) {
        const source = replica === 0 ? base : `${base}~${replica}`;
        if (!linkAll(source, paths, () => makeLink(layout, settable, source, readContent), options)) continue;
        nextReplica.set(base, replica + 1);
        return;
      }
    },
  };
}

function settleEntry(entry: FileEntry, owner: Owner | undefined): FileEntry {
  const settable = settableMeta(entry, owner);
  if (settable.xattrs === undefined || Object.keys(settable.xattrs).length > 0) return settable;
  const { xattrs: _none, ...rest } = settable;
  return rest;
}

/** Links all names to one inode, or none of them: false where the inode has no room for so many names. */
function linkAll(source: string, paths: readonly HostPath[], make: () => void, options: LinkOptions): boolean {
  if (options.linkCountMax !== undefined && nlinkOf(source) + paths.length > options.linkCountMax) return false;
  let made = false;
  for (let done = 0; done < paths.length; ) {
    try {
      linkSync(source, paths[done] as HostPath);
      done++;
    } catch (error) {
      if (isSystemError(error, "EMLINK")) {
        for (const path of paths.slice(0, done)) unlinkSync(path);
        return false;
      }
      // The name's directory is there, so it is the link that is missing.
      if (!isSystemError(error, "ENOENT") || made) throw error;
      make();
      made = true;
    }
  }
  return true;
}

function nlinkOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.nlink ?? 1;
}

/** Not synced: links do not outlive the run of the kernel in which they were made (`recover` in recover.ts). */
function makeLink(layout: Layout, entry: FileEntry, path: string, readContent: ReadContent): void {
  const file = makeTmpFile(layout.tmp, "link");
  try {
    fillFile(entry, file.path, file.fd, readContent);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(file.path, path);
  } catch (error) {
    rmSync(file.path, { force: true });
    throw error;
  }
}
