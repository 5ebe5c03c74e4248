// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";

import { type Digest, isSystemError } from "../base/index.ts";
import { listPlans } from "./checkout-plan.ts";
import { lostRecords } from "./checkout-record.ts";
import { diskUseOf, freedBy, pathsBelow } from "./disk-use.ts";
import { addTo, type Amount, type Grace, isYoung, newAmount } from "./gc-plan.ts";
import { filesBelow, type Layout, makeTmpDir } from "./layout.ts";
import { listLinks, parseLinkName } from "./link-farm.ts";
import { removeFile } from "./pack-rewrite.ts";
import { removeTree } from "./remove-tree.ts";
import type { GcAmount } from "./gc-report.ts";

/** Takes a file away, or only notes it; returns the bytes that this gives back. */
export type Take = (path: string) => number;

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

/** Kept roots and what lies in `tmp`. */
export interface Leftovers {
  readonly roots: readonly string[];
  readonly tmp: readonly string[];
}

export function listLeftovers(layout: Layout): Leftovers {
  const namesIn = (dir: string): string[] => readdirSync(dir).map((name) => join(dir, name));
  return { roots: existsSync(layout.roots) ? namesIn(layout.roots) : [], tmp: namesIn(layout.tmp) };
}

/** Leftovers that nobody finds any more. */
export interface MovedLeftovers extends Leftovers {
  /** Where they lie. */
  readonly dir: string | undefined;
  /** What could not be moved, and is removed. */
  readonly taken: TakenLeftovers;
}

export interface TakenLeftovers {
  readonly roots: GcAmount;
  readonly tmp: GcAmount;
}

/**
 * Puts leftovers out of the way, into a directory of their own, which takes no time; removing them does. So whoever is
 * let in again can make what has the same name. The caller holds the exclusive side of the lease lock, so nobody needs
 * any of it.
 */
export function moveLeftovers(layout: Layout): MovedLeftovers {
  // Who holds one of these locks holds a lease too, so nobody does.
  removeTree(layout.fetching);
  // What members of a shared store left unfinished is a few files.
  if (layout.packTmp !== layout.tmp) for (const path of filesBelow(layout.packTmp)) removeFile(path);
  const { roots, tmp } = listLeftovers(layout);
  const dir = roots.length + tmp.length === 0 ? undefined : attemptMove(() => makeTmpDir(layout.tmp, "gone"));
  const taken = { roots: newAmount(), tmp: newAmount() };
  const moved: Record<keyof Leftovers, string[]> = { roots: [], tmp: [] };
  const move = (path: string, kind: keyof Leftovers): void => {
    const to = dir === undefined ? undefined : join(dir, `${kind}-${basename(path)}`);
    if (to !== undefined && attemptMove(() => (renameSync(path, to), to)) !== undefined) moved[kind].push(to);
    else takeTree(path, taken[kind]);
  };
  for (const path of roots) move(path, "roots");
  for (const path of tmp) move(path, "tmp");
  return { ...moved, dir, taken };
}

/** A directory that belongs to another user of a sandbox's namespace cannot be moved, and on a full disk nothing. */
function attemptMove<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!isSystemError(error, "EACCES", "EPERM", "ENOSPC", "EDQUOT")) throw error;
    return undefined;
  }
}

/** Removes leftovers that were moved. */
export function takeLeftovers({ roots, tmp, dir, taken }: MovedLeftovers): TakenLeftovers {
  const amounts = { roots: { ...taken.roots }, tmp: { ...taken.tmp } };
  for (const path of roots) takeTree(path, amounts.roots);
  for (const path of tmp) takeTree(path, amounts.tmp);
  if (dir !== undefined) removeTree(dir);
  return amounts;
}

function takeTree(path: string, amount: Amount): void {
  // Links of a root have names in the store: what it gives back is its directories.
  addTo(amount, freedBy([path, ...pathsBelow(path)]));
  removeTree(path);
}

/** The same amounts while all stays, and every path that would go. */
export function foretellLeftovers({ roots, tmp }: Leftovers): TakenLeftovers & { readonly paths: readonly string[] } {
  const amountOf = (paths: readonly string[]): GcAmount => ({ count: paths.length, bytes: freedBy(paths) });
  const inside = (paths: readonly string[]): string[] => paths.flatMap((path) => [path, ...pathsBelow(path)]);
  const [ofRoots, ofTmp] = [inside(roots), inside(tmp)];
  return {
    roots: { ...amountOf(ofRoots), count: roots.length },
    tmp: { ...amountOf(ofTmp), count: tmp.length },
    paths: [...ofRoots, ...ofTmp],
  };
}

export const takeFile: Take = removeFile;

/** What a store's index has on disk, in bytes. */
export function indexBytes({ index }: Layout): number {
  return diskUseOf(["", "-wal"].map((suffix) => index + suffix)).bytes;
}
