// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { canonicalJson, type Digest, digestFromHex, digestOf, hexOf, pathToBytes } from "../base/index.ts";
import type { FileEntry, Meta, SymlinkEntry, Tree } from "../formats/index.ts";
import { type Owner, ownOwner, settableMeta } from "./entry-meta.ts";
import type { Layout } from "./layout.ts";

/** What links are made of. */
export type LinkedEntry = FileEntry | SymlinkEntry;

interface LinkMeta {
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** First 32 hexadecimal digits of the sha256 of the attributes' canonical JSON. */
  readonly xattrs?: string;
}

/** What a link's name says of it: the name is the key, so a link can be proven without any table. */
export type LinkName =
  | (LinkMeta & { readonly type: "file"; readonly content: Digest; readonly mode: number })
  /** `target` is the sha256 of the symlink's target. */
  | (LinkMeta & { readonly type: "symlink"; readonly target: Digest });

const namePattern =
  /^([0-9a-f]{64})\.([0-7]{1,4}|link)\.(\d{1,15})\.(\d{1,15})\.(-?\d{1,15})(?:\.([0-9a-f]{32}))?(?:~\d{1,9})?$/;

/**
 * The file name of a link: content, octal mode, uid, gid, mtime, and a hash of the attributes if there are any.
 * A symlink has the digest of its target in place of the content, and `link` in place of the mode.
 */
export function linkName(entry: LinkedEntry): string {
  const digest = entry.type === "file" ? entry.content : digestOf(pathToBytes(entry.target));
  const kind = entry.type === "file" ? entry.mode.toString(8) : "link";
  const name = `${hexOf(digest)}.${kind}.${entry.uid}.${entry.gid}.${entry.mtimeSeconds}`;
  return entry.xattrs === undefined ? name : `${name}.${xattrsKey(entry.xattrs)}`;
}

/** The name of the n-th inode of a link, counted from 0. */
export function replicaName(name: string, replica: number): string {
  return replica === 0 ? name : `${name}~${replica}`;
}

/** Where a link lies below the directory of all. */
export function linkPlace(name: string): string {
  return `${name.slice(0, 2)}/${name}`;
}

/** The part of a link's name that stands for its attributes. */
export function xattrsKey(xattrs: Readonly<Record<string, string>>): string {
  return hexOf(digestOf(canonicalJson(xattrs))).slice(0, 32);
}

/** Parses a link's file name; undefined where it is none. */
export function parseLinkName(name: string): LinkName | undefined {
  const match = namePattern.exec(name);
  if (match === null) return undefined;
  const [, hex, kind, uid, gid, mtime, xattrs] = match as unknown as string[];
  const digest = digestFromHex(hex as string);
  const own = { uid: Number(uid), gid: Number(gid), mtimeSeconds: Number(mtime) };
  const meta: LinkMeta = xattrs === undefined ? own : { ...own, xattrs };
  if (kind === "link") return { ...meta, type: "symlink", target: digest };
  return { ...meta, type: "file", content: digest, mode: Number.parseInt(kind as string, 8) };
}

/** Every link of the store: its file name and path. A symlink to a directory is none of ours and not entered. */
export function* listLinks(layout: Layout): Iterable<{ readonly name: string; readonly path: string }> {
  const dirs = readdirSync(layout.links, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const dir of dirs.map((entry) => join(layout.links, entry.name)).sort()) {
    for (const name of readdirSync(dir).sort()) yield { name, path: join(dir, name) };
  }
}

/** How many inodes of each link a checkout of `tree` takes, for the links that one of `above` needs too. */
export function countLinks(tree: Tree, above: Tree): Map<string, number> {
  const owner = ownOwner();
  const wanted = new Set(above.map(sourceOf));
  const counts = new Map<string, number>();
  for (const entry of tree) {
    if ((entry.type !== "file" && entry.type !== "symlink") || !wanted.has(sourceOf(entry))) continue;
    const name = linkName(settleEntry(entry, owner));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function sourceOf(entry: Tree[number]): string | undefined {
  if (entry.type === "file") return entry.content;
  return entry.type === "symlink" ? `>${entry.target}` : undefined;
}

/** An entry as the running user can make it: attributes are absent where none are left. */
export function settleEntry<T extends Meta>(entry: T, owner: Owner | undefined): T {
  const settable = settableMeta(entry, owner);
  if (settable.xattrs === undefined || Object.keys(settable.xattrs).length > 0) return settable;
  const { xattrs: _none, ...rest } = settable;
  return rest as unknown as T;
}
