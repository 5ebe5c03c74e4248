// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, type Digest, isAshlarError } from "../base/index.ts";
import { listPlans } from "./checkout-plan.ts";
import { lostRecords } from "./checkout-record.ts";
import type { ActionRow } from "./action-table.ts";
import { diskUseOf, freedBy, pathsBelow } from "./disk-use.ts";
import type { IndexDatabase, JoinLocation, Location, PackRow } from "./index-database.ts";
import { dropRoots } from "./kept-roots.ts";
import { filesBelow, type Layout } from "./layout.ts";
import { listLinks, parseLinkName } from "./link-farm.ts";
import { type JoinedContent, storedBytesOf, tableBytesOf } from "./pack-format.ts";
import { type PackExit, removeFile, retirePacks } from "./pack-rewrite.ts";
import { emptyQuarantine } from "./quarantine.ts";
import { markReach, ReachSet } from "./reach.ts";
import { parseReaches } from "./record.ts";
import { alignIndex } from "./recover.ts";
import { removeTree } from "./remove-tree.ts";
import { keepReserve, unlessFull } from "./reserve.ts";
import type { GcReport, Store } from "./store.ts";
import { verifyListed } from "./verify-listed.ts";

export interface GcParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  readonly dryRun: boolean;
  /** Empty the quarantine too. */
  readonly purge: boolean;
}

/** A pack less than this part of which is live is rewritten. */
const liveShareMin = 0.5;

/** Collects garbage on disk. The caller holds the exclusive side of the lease lock. */
export function gcDisk(store: Store, parts: GcParts): GcReport {
  const { layout, index, dryRun } = parts;
  const quarantineBytes = emptyQuarantine(layout, parts);
  if (!dryRun) alignIndex(index, layout, { forget: true });
  const live = markRefs(store, index.joins().map(({ join }) => join));
  verifyListed(live.contents, parts);
  const actions = deadActions(index.actions.list(), live);
  const exits = planExits(index, live.contents);
  const dead = deadContents(index, live.contents);
  // Before the links: bytes are free, and a symlink is unused, when the last name of an inode goes.
  const dirs = [layout.roots, layout.tmp].flatMap((dir) => [...pathsBelow(dir, "dir")]);
  let freedBytes = quarantineBytes + freedBy(dirs);
  if (!dryRun) dropRoots(layout);
  const links = [...listLinks(layout)].filter((link) => isDeadLink(link, live.contents));
  const downloads = filesBelow(layout.downloads);
  const report = {
    removedContents: dead.length,
    removedPacks: exits.filter((exit) => isEmpty(exit)).length,
    rewrittenPacks: exits.filter((exit) => !isEmpty(exit)).length,
    removedLinks: links.length,
    removedActions: actions.length,
    removedDownloads: downloads.length,
  };
  const plans = listPlans(layout).filter(({ tree }) => tree === undefined || !live.trees.has(tree));
  const derived = [...plans.map(({ path }) => path), ...lostRecords(layout)];
  const files = [...links.map(({ path }) => path), ...derived, ...downloads, ...filesBelow(layout.tmp)];
  const indexBytes = diskUseOf(indexFiles(layout)).bytes;
  if (dryRun) {
    const going = [...files, ...dirs, ...pathsBelow(layout.roots)];
    const ownBytes = quarantineBytes + indexBytes - index.sizeBytes();
    return { ...report, freedBytes: ownBytes + expectedBytes(exits, { layout, files: going }) };
  }
  // On a full disk even taking rows out of the index needs room: what is free to go goes first.
  for (const path of files) freedBytes += removeFile(path);
  for (const name of readdirSync(layout.tmp)) removeTree(join(layout.tmp, name));
  // Who holds one of these locks holds a lease too, so nobody does.
  removeTree(layout.fetching);
  // Actions first: one must not outlive what it reaches.
  index.transaction(() => {
    for (const { key } of actions) index.actions.remove(key);
    for (const digest of dead) index.removeContent(digest);
  });
  const rewrite = { layout, index, framesOf: (digest: Digest) => store.streamFrames(digest) };
  freedBytes += retirePacks(exits.filter((exit) => isEmpty(exit)), rewrite);
  // What is rewritten needs room before it gives some back.
  unlessFull(() => void (freedBytes += retirePacks(exits.filter((exit) => !isEmpty(exit)), rewrite)));
  unlessFull(() => index.compact());
  keepReserve(layout);
  return { ...report, freedBytes: freedBytes + indexBytes - diskUseOf(indexFiles(layout)).bytes };
}

function indexFiles({ index }: Layout): string[] {
  return ["", "-wal"].map((suffix) => index + suffix);
}

function isEmpty({ keep, joins }: PackExit): boolean {
  return keep.length + joins.length === 0;
}

/** What the refs reach, pieces of joins too. Without knowing all of it nothing may be removed. */
export function markRefs(store: Store, joins: Iterable<JoinedContent>): ReachSet {
  const live = new ReachSet();
  for (const ref of store.listRefs()) {
    try {
      markReach(store, { records: [ref.target] }, live);
    } catch (cause) {
      if (!isAshlarError(cause)) throw cause;
      const state = `what ref "${ref.name}" reaches cannot be read`;
      throw new AshlarError("STORE_REF_BROKEN", `Cannot collect garbage: ${state}, want it whole or gone`, {
        hint: "run `ashlar store fsck`, then build or pull the image again or remove its name",
        because: [cause.message],
        cause,
      });
    }
  }
  for (const { digest, pieces } of joins) {
    if (live.contents.has(digest)) for (const piece of pieces) live.contents.add(piece);
  }
  return live;
}

/**
 * An action stays while all it reaches is kept by refs in the same way; one that reaches nothing stays while
 * its inputs do.
 */
export function deadActions(actions: readonly ActionRow[], live: ReachSet): ActionRow[] {
  return actions.filter((action) => {
    const reaches = parseReaches(action.reaches);
    if (Object.keys(reaches).length > 0) return !live.hasAll(reaches);
    return !action.inputs.every((digest) => live.contents.has(digest));
  });
}

function deadContents(index: IndexDatabase, live: ReadonlySet<Digest>): Digest[] {
  const contents = index.locations().map(({ content }) => content.digest);
  return [...contents, ...index.joins().map(({ join }) => join.digest)].filter((digest) => !live.has(digest));
}

function planExits(index: IndexDatabase, live: ReadonlySet<Digest>): PackExit[] {
  const isLive = ({ digest }: { readonly digest: Digest }): boolean => live.has(digest);
  const contents = Map.groupBy(index.locations().filter(({ content }) => isLive(content)), numberOf);
  const joined = Map.groupBy(index.joins().filter(({ join }) => isLive(join)), numberOf);
  const exits: PackExit[] = [];
  for (const pack of index.packs()) {
    const keep = contents.get(pack.number) ?? [];
    const joins = (joined.get(pack.number) ?? []).map(({ join }) => join);
    if (liveShare(pack, keep, joins) < liveShareMin) exits.push({ pack, keep, joins, drop: [] });
  }
  return exits;
}

function numberOf({ pack }: Location | JoinLocation): number {
  return pack.number;
}

function liveShare(pack: PackRow, keep: readonly Location[], joins: readonly JoinedContent[]): number {
  const bytes = keep.reduce((sum, { content }) => sum + storedBytesOf(content), 0);
  // The table counts as used: a pack of few small contents is mostly table.
  const listed = [...keep.map(({ content }) => content), ...joins];
  const tableBytes = listed.reduce((sum, content) => sum + tableBytesOf(content), 0);
  return (bytes + tableBytes) / pack.sizeBytes;
}

/** A symlink is made faster than found in all trees: it goes when no checkout has it. */
function isDeadLink({ name, path }: { name: string; path: string }, live: ReadonlySet<Digest>): boolean {
  const link = parseLinkName(name);
  if (link?.type === "symlink") return lstatSync(path).nlink === 1;
  return link === undefined || !live.has(link.content);
}

interface Expected {
  readonly layout: Layout;
  readonly files: readonly string[];
}

/** What the index and packs that are written anew will have on disk is not known before. */
function expectedBytes(exits: readonly PackExit[], { layout, files }: Expected): number {
  let bytes = freedBy([...files, ...exits.map(({ pack }) => layout.pack(pack.id))]);
  for (const { keep } of exits) {
    bytes -= keep.reduce((sum, { content }) => sum + storedBytesOf(content), 0);
  }
  return bytes;
}
