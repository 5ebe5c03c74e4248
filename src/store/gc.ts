// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { diskSource } from "./disk-source.ts";
import { diskUseOf, freedBy } from "./disk-use.ts";
import {
  foretellLeftovers,
  indexBytes,
  type Leftovers,
  listLeftovers,
  moveLeftovers,
  takeDerived,
  takeDownloads,
  type TakenFiles,
  type TakenLeftovers,
  takeFile,
  takeLeftovers,
} from "./gc-files.ts";
import { GcMarks } from "./gc-mark.ts";
import { type GcPlan, isYoung, planAgain, planPacks } from "./gc-plan.ts";
import type { IndexDatabase, PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import { copyKept, type PackExit } from "./pack-rewrite.ts";
import type { JoinedContent } from "./pack-format.ts";
import { alignIndex } from "./recover.ts";
import type { GcAmount, GcOptions, GcReport } from "./gc-report.ts";
import type { Lease, Store } from "./store.ts";

export interface GcParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  /** Waits until nobody holds a lease, and keeps all away. */
  readonly alone: () => Lease;
}

/** What is known when all is marked and nothing has been taken. */
interface Marked {
  readonly marks: GcMarks;
  readonly plan: GcPlan;
  /** Numbers of actions. */
  readonly deadActions: readonly number[];
  /** Actions of higher numbers came later. */
  readonly lastAction: number;
}

/** What went while nobody else was there, and what is left to be removed. */
interface Swept {
  readonly packs: GcAmount;
  readonly packFileBytes: number;
  readonly downloads: GcAmount;
  readonly left: Leftovers;
}

/**
 * Collects garbage on disk. Builds are kept away only while what they could take up goes; all that is long is done
 * beside them: finding out what is needed and copying it out of packs before, removing files after.
 */
export function gcDisk(store: Store, parts: GcParts, options: GcOptions): GcReport {
  const say = options.onPhase ?? (() => {});
  const lease = store.lease();
  const before = indexBytes(parts.layout);
  let marked: Marked;
  let copiedBytes = 0;
  try {
    say("mark");
    if (options.dryRun !== true) alignIndex(parts.index, parts.layout, { forget: true });
    marked = markAll(store, parts, options);
    if (options.dryRun === true) return foretell(store, parts, { marked, options });
    say("copy");
    const made = copyKept(exitsOf(parts.index, marked), {
      ...parts,
      framesOf: (digest) => store.streamFrames(digest),
      onMade: (pack) => parts.index.transaction(() => parts.index.addPack(pack, { prefer: true })),
    });
    const ids = new Set(made.map(({ id }) => id));
    // A new pack may be the same, byte for byte, as an old one whose contents were found elsewhere.
    const exits = marked.plan.exits.filter(({ pack }) => !ids.has(pack.id));
    for (const { pack } of marked.plan.exits) ids.delete(pack.id);
    copiedBytes = diskUseOf([...ids].map((id) => parts.layout.pack(id))).bytes;
    marked = { ...marked, plan: { ...marked.plan, exits } };
  } finally {
    lease.release();
  }
  say("wait");
  const alone = parts.alone();
  let swept: Swept;
  try {
    say("sweep");
    swept = sweep(parts, marked, options);
  } finally {
    alone.release();
  }
  say("clean");
  return clean(store, parts, { marked, swept, grownBytes: copiedBytes - before });
}

function markAll(store: Store, { index, layout }: GcParts, { grace }: GcOptions): Marked {
  const marks = new GcMarks(store, diskSource(store, index));
  const lastAction = index.actions.lastNumber();
  const packs = index.packs();
  marks.markRefs();
  markYoung(packs.filter(({ id }) => isYoung(layout.pack(id), grace)), { marks, index });
  marks.markPieces(joinsOf(index));
  const deadActions: number[] = [];
  for (const action of index.actions.list()) {
    if (action.number <= lastAction && marks.isDead(action)) deadActions.push(action.number);
  }
  return { marks, plan: planPacks(index, packs, marks), deadActions, lastAction };
}

/** All of young packs stays, and what results that name some of it need from elsewhere. */
function markYoung(packs: readonly PackRow[], { marks, index }: { marks: GcMarks; index: IndexDatabase }): void {
  if (packs.length === 0) return;
  for (const pack of packs) for (const { digest } of index.rowsOf(pack)) marks.markYoung(digest);
  const isIn = (digest: Digest): boolean => marks.byGrace.contents.has(digest);
  marks.markResults(index.actions.list(), ({ contents = [], trees = [], records = [] }) =>
    [contents, trees, records].some((digests) => digests.some(isIn)),
  );
}

function* joinsOf(index: IndexDatabase): Iterable<JoinedContent> {
  for (const { join } of index.joins()) yield join;
}

function* exitsOf(index: IndexDatabase, { marks, plan }: Marked): Iterable<PackExit> {
  for (const { pack, keptCount } of plan.exits) {
    if (keptCount === 0) continue;
    const { contents, joins } = index.listed(pack);
    const keep = contents.filter(({ content }) => marks.keeps(content.digest));
    yield { pack, keep, joins: joins.map(({ join }) => join).filter(({ digest }) => marks.keeps(digest)), drop: [] };
  }
}

/** Takes what a build could have taken up: from here on it is not found. The caller is alone. */
function sweep({ index, layout }: GcParts, marked: Marked, { grace }: GcOptions): Swept {
  const { marks, lastAction, deadActions } = marked;
  const before = marks.size;
  marks.markRefs();
  // Whoever put these may rely on what they reach.
  marks.markResults(index.actions.list(lastAction), () => true);
  const isMore = marks.size > before;
  if (isMore) marks.markPieces(joinsOf(index));
  // Another collection may have been here.
  const there = new Set(index.packs().map(({ number }) => number));
  const plan = isMore ? planAgain(index, marked.plan, marks) : marked.plan;
  const exits = plan.exits.filter(({ pack }) => there.has(pack.number));
  index.transaction(() => {
    for (const number of deadActions) index.actions.remove(number);
    for (const number of plan.deadRows) index.removeRow(number);
    for (const { pack } of exits) index.removeEmptyPack(pack.number);
  });
  let packFileBytes = 0;
  for (const { pack } of exits) packFileBytes += takeFile(layout.pack(pack.id));
  const empty = exits.filter(({ keptCount }) => keptCount === 0);
  return {
    packs: { count: empty.length, bytes: empty.reduce((sum, { pack }) => sum + pack.sizeBytes, 0) },
    packFileBytes,
    downloads: takeDownloads(layout, grace, takeFile),
    left: moveLeftovers(layout),
  };
}

interface Ending {
  readonly marked: Marked;
  readonly swept: Swept;
  /** New packs, less what the index was. */
  readonly grownBytes: number;
}

/** Removes what nobody finds any more, beside builds that may run again. */
function clean(store: Store, { index, layout }: GcParts, { marked, swept, grownBytes }: Ending): GcReport {
  const lease = store.lease();
  try {
    // First: a symlink is unused when the last name of its inode goes.
    const left = takeLeftovers(swept.left);
    const { marks } = marked;
    // What came since is no garbage.
    const content = (digest: Digest): boolean => marks.keeps(digest) || store.has(digest);
    const tree = (digest: Digest): boolean => marks.keepsTree(digest) || store.has(digest);
    const files = { ...takeDerived(layout, { content, tree }, takeFile), ...left, downloads: swept.downloads };
    index.removeLostRows();
    index.compact();
    const fileBytes = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
    const freedBytes = swept.packFileBytes + fileBytes - grownBytes - indexBytes(layout);
    return reportOf(store, { marked, files, packs: swept.packs, freedBytes });
  } finally {
    lease.release();
  }
}

interface Foretelling {
  readonly marked: Marked;
  readonly options: GcOptions;
}

/** What would go. What the index and packs that are written anew will have on disk is not known before. */
function foretell(store: Store, { layout, index }: GcParts, { marked, options }: Foretelling): GcReport {
  const { plan, marks } = marked;
  const paths = plan.exits.map(({ pack }) => layout.pack(pack.id));
  const note = (path: string): number => {
    paths.push(path);
    return freedBy([path]);
  };
  const kept = {
    content: (digest: Digest): boolean => marks.keeps(digest),
    tree: (digest: Digest): boolean => marks.keepsTree(digest),
  };
  const { paths: inside, ...left } = foretellLeftovers(listLeftovers(layout));
  const downloads = takeDownloads(layout, options.grace, note);
  const files = { ...takeDerived(layout, kept, note), ...left, downloads };
  const keptBytes = plan.exits.reduce((sum, exit) => sum + exit.keptBytes, 0);
  const empty = plan.exits.filter(({ keptCount }) => keptCount === 0);
  return reportOf(store, {
    marked,
    files,
    packs: { count: empty.length, bytes: empty.reduce((sum, { pack }) => sum + pack.sizeBytes, 0) },
    freedBytes: freedBy([...paths, ...inside]) - keptBytes + indexBytes(layout) - index.sizeBytes,
  });
}

interface Findings {
  readonly marked: Marked;
  readonly files: TakenFiles & TakenLeftovers & { readonly downloads: GcAmount };
  readonly packs: GcAmount;
  readonly freedBytes: number;
}

function reportOf(store: Store, { marked, files, packs, freedBytes }: Findings): GcReport {
  const { plan, deadActions } = marked;
  return {
    removedContents: plan.dead.count,
    removedPacks: packs.count,
    rewrittenPacks: plan.exits.filter(({ keptCount }) => keptCount > 0).length,
    removedLinks: files.links.count,
    removedActions: deadActions.length,
    removedDownloads: files.downloads.count,
    freedBytes,
    removed: { contents: plan.dead, packs, actions: { count: deadActions.length, bytes: 0 }, ...files },
    kept: { refs: store.listRefs().length, byRefs: plan.byRefs, byGrace: plan.byGrace },
  };
}
