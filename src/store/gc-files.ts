// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";

import type { Digest } from "../base/index.ts";
import { listPlans } from "./checkout-plan.ts";
import { lostRecords } from "./checkout-record.ts";
import { addTo, type Grace, isYoung, newAmount } from "./gc-plan.ts";
import { listRoots } from "./kept-roots.ts";
import { filesBelow, type Layout, makeTmpDir } from "./layout.ts";
import { listLinks, parseLinkName } from "./link-farm.ts";
import { removeTree } from "./remove-tree.ts";
import type { GcAmount } from "./store.ts";
import { removeFile } from "./pack-rewrite.ts";

/** How files are taken away, or only counted: returns the bytes that this gives back. */
export type Take = (path: string) => number;

export const takeFile: Take = removeFile;

/** What taking a file away would give back: nothing while it has other names. */
export const countFile: Take = (path) => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined || stats.nlink > 1 ? 0 : stats.size;
};

interface Kept {
  readonly content: (digest: Digest) => boolean;
  readonly tree: (digest: Digest) => boolean;
}

export interface TakenFiles {
  readonly links: GcAmount;
  readonly plans: GcAmount;
  readonly checkouts: GcAmount;
}

/** Takes what may go at any time: links, plans and records of checkouts that stand for nothing. */
export function takeDerived(layout: Layout, kept: Kept, take: Take): TakenFiles {
  const [links, plans, checkouts] = [newAmount(), newAmount(), newAmount()];
  for (const link of listLinks(layout)) if (isDeadLink(link, kept)) addTo(links, take(link.path));
  for (const { tree, path } of listPlans(layout)) {
    if (tree === undefined || !kept.tree(tree)) addTo(plans, take(path));
  }
  for (const path of lostRecords(layout)) addTo(checkouts, take(path));
  return { links, plans, checkouts };
}

/** A symlink is made faster than found in all trees: it goes when no checkout has it. */
function isDeadLink({ name, path }: { readonly name: string; readonly path: string }, kept: Kept): boolean {
  const link = parseLinkName(name);
  if (link?.type === "symlink") return lstatSync(path, { throwIfNoEntry: false })?.nlink === 1;
  return link === undefined || !kept.content(link.content);
}

export function takeDownloads(layout: Layout, grace: Grace | undefined, take: Take): GcAmount {
  const amount = newAmount();
  for (const path of filesBelow(layout.downloads)) if (!isYoung(path, grace)) addTo(amount, take(path));
  return amount;
}

export interface Leftovers {
  readonly roots: GcAmount;
  readonly tmp: GcAmount;
  /** What is to be removed, below `tmp`. */
  readonly paths: readonly string[];
}

/** What lies in `tmp`, and how many roots there are. */
export function listLeftovers(layout: Layout): Leftovers {
  const tmp = newAmount();
  for (const path of filesBelow(layout.tmp)) addTo(tmp, countFile(path));
  const paths = readdirSync(layout.tmp).map((name) => join(layout.tmp, name));
  return { roots: { count: listRoots(layout).length, bytes: 0 }, tmp, paths };
}

/**
 * Puts all roots out of the way, into `tmp`, which takes no time; removing them and what else is there does. The
 * caller holds the exclusive side of the lease lock, so nobody needs any of it.
 */
export function moveLeftovers(layout: Layout): Leftovers {
  const left = listLeftovers(layout);
  if (left.roots.count === 0) return left;
  const dir = makeTmpDir(layout.tmp, "roots");
  for (const name of readdirSync(layout.roots)) renameSync(join(layout.roots, name), join(dir, name));
  return { ...left, paths: [...left.paths, dir] };
}

export function removeLeftovers({ paths }: Leftovers): void {
  for (const path of paths) removeTree(path);
}
