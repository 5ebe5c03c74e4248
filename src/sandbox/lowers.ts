// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { linkSync, utimesSync } from "node:fs";
import { join } from "node:path";

import { type Digest, type ImagePath, parentOf, pathToBytes } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import type { Identity } from "./launcher.ts";
import { writeOwned } from "./owned-tar.ts";
import { type Over, planOver } from "./plan-over.ts";

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
  const owned = request.identity === "rootless" && writeOwned(request) ? ["owned"] : [];
  const { store, dir, root } = request;
  const near = request.near === undefined ? undefined : store.readTree(request.near);
  const plan = near === undefined ? undefined : planOver(near, root);
  if (plan === undefined || request.near === undefined || !isWorthwhile(plan, request)) {
    store.checkout(root, join(dir, "over"), { mode: "link" });
    return { names: [...owned, "over", "points"], near: "" };
  }
  if (plan.tree.length > 0 || plan.gone.length > 0) {
    store.checkout(plan.tree, join(dir, "over"), { mode: "link", above: near });
    hide(dir, plan);
    owned.push("over");
  }
  return { names: [...owned, "near", "points"], near: store.keepCheckout(request.near) };
}

function isWorthwhile({ tree, gone }: Over, { root, identity }: LowerRequest): boolean {
  if (tree.length + gone.length > root.length) return false;
  if (identity === "root") return true;
  // Nothing can be hidden in a directory in which its owner may not write.
  const locked = new Set(tree.filter((entry) => (entry.mode & 0o200) === 0).map((entry) => entry.path));
  return !gone.some((path) => locked.has(parentOf(path) as ImagePath));
}

/** Marks as gone, by further names of one whiteout: a character device 0:0, which anybody may make. */
function hide(dir: string, { tree, gone }: Over): void {
  if (gone.length === 0) return;
  const whiteout = join(dir, "whiteout");
  const { status, stderr } = spawnSync("mknod", [whiteout, "c", "0", "0"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`internal error: mknod: ${stderr}`);
  const over = Buffer.from(`${join(dir, "over")}/`);
  for (const path of gone) linkSync(whiteout, Buffer.concat([over, pathToBytes(path)]));
  const parents = new Set(gone.map(parentOf));
  for (const { path, mtimeSeconds } of tree) {
    if (parents.has(path)) utimesSync(Buffer.concat([over, pathToBytes(path)]), mtimeSeconds, mtimeSeconds);
  }
}
