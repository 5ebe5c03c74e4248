// SPDX-License-Identifier: Apache-2.0
import { type BigIntStats, readlinkSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

import { type ImagePath, isAshlarError, pathToBytes } from "../base/index.ts";
import type { DirEntry, Entry, Meta } from "../formats/index.ts";
import type { CheckoutHost } from "./checkout.ts";
import { hostPathOf, ownOwner } from "./entry-meta.ts";
import { inodeKey } from "./inode-key.ts";
import { type LinkedEntry, settleEntry } from "./link-farm.ts";
import type { UpdateOptions } from "./update.ts";

/**
 * Tells what of a directory is already as a tree says. A link is known by its inode. Files of their own are
 * trusted where the tree of the last checkout has the same entry, all that lstat(2) shows agrees, and
 * nothing of them changed since: not even a program that sets the time back can hide that (ctime).
 */
export class EntryMatch {
  /** Inodes of the files and symlinks that stay: each may stand for one entry only. */
  readonly taken = new Set<string>();
  readonly #host: CheckoutHost;
  readonly #options: UpdateOptions;
  readonly #owner = ownOwner();
  readonly #finishedNs: bigint;
  readonly #old: ReadonlyMap<ImagePath, Entry>;
  /** Of the files that stay, for their further names. */
  readonly #inodes = new Map<ImagePath, string>();

  constructor(host: CheckoutHost, options: UpdateOptions) {
    this.#host = host;
    this.#options = options;
    this.#finishedNs = BigInt(options.known.finishedNs);
    this.#old = new Map(this.#readOld().map((entry) => [entry.path, entry]));
  }

  /** What the last checkout made; nothing where garbage collection took it. */
  #readOld(): readonly Entry[] {
    const { known } = this.#options;
    if (known.finishedNs === "0") return [];
    try {
      return this.#host.readTree(known.tree);
    } catch (error) {
      if (isAshlarError(error, "STORE_CONTENT_MISSING")) return [];
      throw error;
    }
  }

  /** Tells whether a directory has owner, attributes, mode and time. */
  isDirAs(entry: DirEntry, stats: BigIntStats): boolean {
    return this.#isUntouched(entry, stats) && hasMeta(settleEntry(entry, this.#owner), stats) && hasTime(entry, stats);
  }

  /** Tells whether anything but a directory is as wanted. */
  isAs(entry: Entry, stats: BigIntStats): boolean {
    if (entry.type === "dir") return false;
    const inode = inodeKey(stats);
    if (entry.type === "hardlink") return this.#inodes.get(entry.target) === inode;
    if (this.taken.has(inode) || !this.#isOneAs(entry, stats)) return false;
    this.taken.add(inode);
    if (entry.type === "file") this.#inodes.set(entry.path, inode);
    return true;
  }

  #isOneAs(entry: Exclude<Entry, { type: "dir" | "hardlink" }>, stats: BigIntStats): boolean {
    const { mode, known, devices } = this.#options;
    const settled = settleEntry(entry, this.#owner);
    const isLinked = settled.type === "file" || settled.type === "symlink";
    if (isLinked && mode === "link") {
      return isAsMade(settled, stats) && this.#host.inodesOf(settled).has(inodeKey(stats));
    }
    // What was linked belongs to the store, and must not be written to.
    if (isLinked && known.mode === "link") return false;
    if ((settled.type === "char" || settled.type === "block") && devices === "skip") return false;
    if (!this.#isUntouched(entry, stats) || !hasTime(settled, stats)) return false;
    switch (settled.type) {
      case "file":
        return stats.isFile() && hasMeta(settled, stats) && stats.size === BigInt(settled.sizeBytes);
      case "symlink":
        return stats.isSymbolicLink() && hasOwner(settled, stats) && this.#hasTarget(settled);
      case "fifo":
        return stats.isFIFO() && hasMeta(settled, stats);
      case "char":
        return stats.isCharacterDevice() && hasMeta(settled, stats) && stats.rdev === deviceNumber(settled);
      case "block":
        return stats.isBlockDevice() && hasMeta(settled, stats) && stats.rdev === deviceNumber(settled);
    }
  }

  #isUntouched(entry: Entry, stats: BigIntStats): boolean {
    return stats.ctimeNs < this.#finishedNs && isDeepStrictEqual(this.#old.get(entry.path), entry);
  }

  #hasTarget({ path, target }: { readonly path: ImagePath; readonly target: string }): boolean {
    const actual = readlinkSync(hostPathOf(this.#options.dir, path), { encoding: "buffer" });
    return actual.equals(pathToBytes(target));
  }
}

/** A link's inode that was written to is the store's all the same. */
function isAsMade(entry: LinkedEntry, stats: BigIntStats): boolean {
  if (entry.type === "symlink") return true;
  return hasMeta(entry, stats) && hasTime(entry, stats) && stats.size === BigInt(entry.sizeBytes);
}

function hasOwner(meta: Meta, stats: BigIntStats): boolean {
  return stats.uid === BigInt(meta.uid) && stats.gid === BigInt(meta.gid);
}

function hasMeta(meta: Meta, stats: BigIntStats): boolean {
  return hasOwner(meta, stats) && (stats.mode & 0o7777n) === BigInt(meta.mode);
}

function hasTime(meta: Meta, stats: BigIntStats): boolean {
  return stats.mtimeNs === BigInt(meta.mtimeSeconds) * 1_000_000_000n;
}

/** As Linux packs it into a `dev_t` (makedev(3)). */
function deviceNumber({ major, minor }: { readonly major: number; readonly minor: number }): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & ~0xfffn) << 32n) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | (low & 0xffn);
}
