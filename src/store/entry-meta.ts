// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, pathToBytes } from "../base/index.ts";
import type { Meta } from "../formats/index.ts";

/** A path of the host; bytes where the name is not UTF-8. */
export type HostPath = string | Buffer;

/** Where an entry of a tree lies below `root`. */
export function hostPathOf(root: string, path: ImagePath): HostPath {
  if (path.isWellFormed()) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), pathToBytes(path)]);
}

/** What the running user may set; root may set everything. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The running user, whom new files belong to. */
export function processOwner(): Owner {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** Undefined for root, who can give files to anybody. */
export function ownOwner(): Owner | undefined {
  const owner = processOwner();
  return owner.uid === 0 ? undefined : owner;
}

/** What of an entry can be set by `owner`: only root gives files away and sets security attributes. */
export function settableMeta<T extends Meta>(entry: T, owner: Owner | undefined): T {
  if (owner === undefined) return entry;
  const { xattrs, ...rest } = entry;
  const kept = Object.entries(xattrs ?? {}).filter(([name]) => name.startsWith("user."));
  const own = { ...rest, uid: owner.uid, gid: owner.gid } as unknown as T;
  return kept.length === 0 ? own : { ...own, xattrs: Object.fromEntries(kept) };
}

/** A time for utimes(2). Node takes a negative number for "now", but not a Date. */
export function timeOf(meta: Meta): number | Date {
  return meta.mtimeSeconds < 0 ? new Date(meta.mtimeSeconds * 1000) : meta.mtimeSeconds;
}
