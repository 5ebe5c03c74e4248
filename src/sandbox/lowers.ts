// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

import type { Digest } from "../base/index.ts";
import { encodeTarHeader, type Entry, type Meta, tarEnd, tarPadding, type Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import type { Identity } from "./launcher.ts";
import { planOver, withParents } from "./plan-over.ts";

export interface LowerRequest {
  readonly store: Store;
  /** The run's directory. */
  readonly dir: string;
  readonly identity: Identity;
  readonly root: Tree;
  readonly near?: Digest | undefined;
}

/** The lower directories of an overlay that shows a tree. */
export interface Lowers {
  /** Names in the run's directory, uppermost first. */
  readonly names: readonly string[];
  /** What to mount at `near`; empty where nothing is. */
  readonly near: string;
}

/**
 * Makes a tree a stack of directories: what is kept checked out for `near`, a small checkout `over` it of what
 * differs, and without root `owned`, which the launcher unpacks from `owned.tar`, because only the namespace's
 * root gives files to other users.
 */
export function makeLowers(request: LowerRequest): Lowers {
  const { store, dir, root, identity } = request;
  const near = request.near === undefined ? undefined : store.readTree(request.near);
  const over = near === undefined ? undefined : planOver(near, root);
  const tree = over ?? root;
  const names: string[] = [];
  if (identity === "rootless" && writeOwned(request)) names.push("owned");
  if (tree.length > 0 || over === undefined) {
    store.checkout(tree, join(dir, "over"), { mode: "link", above: over === undefined ? undefined : near });
    names.push("over");
  }
  if (over === undefined || request.near === undefined) return { names: [...names, "points"], near: "" };
  return { names: [...names, "near", "points"], near: store.keepCheckout(request.near) };
}

/** Writes what belongs to others than root, or has attributes that only root sets; false where there is none. */
function writeOwned({ store, dir, root }: LowerRequest): boolean {
  const tree = ownedOf(root);
  if (tree.length === 0) return false;
  const fd = openSync(join(dir, "owned.tar"), "wx", 0o600);
  try {
    for (const entry of tree) {
      writeSync(fd, encodeTarHeader(entry));
      if (entry.type !== "file") continue;
      for (const bytes of store.stream(entry.content)) writeAll(fd, bytes);
      writeSync(fd, tarPadding(entry.sizeBytes));
    }
    writeSync(fd, tarEnd);
  } finally {
    closeSync(fd);
  }
  return true;
}

function ownedOf(root: Tree): Tree {
  // The kernel makes devices for nobody but the real root.
  const owned = root.filter((entry) => isForeign(entry) && entry.type !== "char" && entry.type !== "block");
  const groups = new Set(owned.map((entry) => (entry.type === "hardlink" ? entry.target : entry.path)));
  const whole = root.filter((entry) => groups.has(entry.type === "hardlink" ? entry.target : entry.path));
  return withParents(whole, new Map(root.map((entry) => [entry.path, entry])));
}

function isForeign(entry: Entry): boolean {
  return entry.uid !== 0 || entry.gid !== 0 || hasRootXattrs(entry);
}

function hasRootXattrs({ xattrs }: Meta): boolean {
  return xattrs !== undefined && Object.keys(xattrs).some((name) => !name.startsWith("user."));
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
}
