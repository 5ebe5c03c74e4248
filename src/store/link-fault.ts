// SPDX-License-Identifier: Apache-2.0
import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";

import { digestOf, emptyDigest, Hasher, hexOf } from "../base/index.ts";
import { type LinkName, parseLinkName, xattrsKey } from "./link-farm.ts";
import type { Store } from "./store.ts";
import { readXattrs } from "./xattr.ts";

interface FaultOptions {
  /** Read and hash the bytes too. */
  readonly full: boolean;
  readonly store: Store;
}

/** What a link is not that its name says; undefined where it is sound. */
export function linkFault(name: string, path: string, options: FaultOptions): string | undefined {
  const link = parseLinkName(name);
  if (link === undefined) return "its name is not that of a link";
  const stats = lstatSync(path);
  if (stats.uid !== link.uid || stats.gid !== link.gid) return `its owner is ${stats.uid}:${stats.gid}`;
  if (Math.floor(stats.mtimeMs / 1000) !== link.mtimeSeconds) return "its time has changed";
  const fault = link.type === "file" ? fileFault(link, { path, stats }, options) : symlinkFault(link, { path, stats });
  if (fault !== undefined || !options.full || link.xattrs === undefined) return fault;
  const xattrs = readXattrs(path);
  const same = xattrs !== undefined && xattrsKey(xattrs) === link.xattrs;
  return same ? undefined : "its attributes have changed";
}

interface Found {
  readonly path: string;
  readonly stats: Stats;
}

function fileFault(
  link: LinkName & { type: "file" },
  { path, stats }: Found,
  { full, store }: FaultOptions,
): string | undefined {
  if (!stats.isFile()) return "it is no regular file";
  if ((stats.mode & 0o7777) !== link.mode) return `its mode is ${(stats.mode & 0o7777).toString(8)}`;
  const size = link.content === emptyDigest ? 0 : store.info(link.content)?.sizeBytes;
  if (size !== undefined && size !== stats.size) return `it has ${stats.size} bytes, want ${size}`;
  const isOther = full && `sha256:${hashFile(path)}` !== link.content;
  return isOther ? "its bytes are not those of its name" : undefined;
}

function symlinkFault(link: LinkName & { type: "symlink" }, { path, stats }: Found): string | undefined {
  if (!stats.isSymbolicLink()) return "it is no symlink";
  const target = readlinkSync(path, { encoding: "buffer" });
  return digestOf(target) === link.target ? undefined : "its target is not that of its name";
}

/** The sha256 of a file's bytes, in hexadecimal digits. */
export function hashFile(path: string): string {
  const hasher = new Hasher();
  const bytes = Buffer.allocUnsafe(1 << 20);
  const fd = openSync(path, "r");
  try {
    for (let got = readSync(fd, bytes); got > 0; got = readSync(fd, bytes)) hasher.update(bytes.subarray(0, got));
  } finally {
    closeSync(fd);
  }
  return hexOf(hasher.digest());
}
