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
import type { GcAmount, GcOptions, GcReport } from "./gc-report.ts";
import type { IndexDatabase, PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import type { JoinedContent } from "./pack-format.ts";
import { copyKept, type PackExit } from "./pack-rewrite.ts";
import { emptyQuarantine } from "./quarantine.ts";
import { alignIndex } from "./recover.ts";
import type { Lease, Store } from "./store.ts";
import { verifyCopied, verifyListed } from "./verify-listed.ts";

export interface GcParts {
  readonly layout: Layout;
  /** The index as it is now: whoever takes a lease may find that another process made it anew. */
  readonly index: () => IndexDatabase;
  /** Tells whether another process did so since. */
  readonly isReplaced: () => boolean;
  /** Nothing may go for the reason that no ref names it while the refs are in doubt. */
  readonly refs: { verify(): void };
  /** Waits until nobody holds a lease, and keeps all away. */
  readonly alone: () => Lease;
}

/** What is known when all is marked and nothing has been taken. */
interface Marked {
  /** Numbers of rows and packs are those of this one. */
  readonly index: IndexDatabase;
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
  const before = indexBytes(parts.layout);
  let copiedBytes = 0;
  for (;;) {
    const lease = store.lease();
    let marked: Marked;
    try {
      say("mark");
      parts.refs.verify();
      if (options.dryRun !== true) alignIndex(parts.index(), parts.layout, { forget: true });
      marked = markAll(store, parts, options);
      if (options.dryRun === true) return foretell(store, parts, { marked, options });
      say("copy");
      const copied = copyOut(store, parts, marked);
      marked = copied.marked;
      copiedBytes += copied.bytes;
    } finally {
      lease.release();
    }
    say("wait");
    const alone = parts.alone();
    let swept: Swept | undefined;
    try {
      say("sweep");
      if (!parts.isReplaced()) swept = sweep(parts, marked, options);
    } finally {
      alone.release();
    }
    // What was found out is of no use for another index: begin anew.
    if (swept === undefined) continue;
    say("clean");
    return clean(store, parts, { marked, swept, options, grownBytes: copiedBytes - before });
  }
}

function markAll(store: Store, parts: GcParts, { grace }: GcOptions): Marked {
  const { layout } = parts;
  const index = parts.index();
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
  const plan = planPacks(index, packs, marks);
  const found = plan.byRefs.count + countLater(index, { packs, marks });
  verifyListed(marks.byRefs.contents, found, { index, layout });
  return { index, marks, plan, deadActions, lastAction };
}

/** How many contents that refs reach lie in packs that came while marks were made. */
function countLater(index: IndexDatabase, { packs, marks }: { packs: readonly PackRow[]; marks: GcMarks }): number {
  const known = new Set(packs.map(({ number }) => number));
  let count = 0;
  for (const pack of index.packs()) {
    if (known.has(pack.number)) continue;
    for (const { digest } of index.rowsOf(pack)) count += Number(marks.byRefs.contents.hasBytes(digest));
  }
  return count;
}

interface Copied {
  /** Without exits that turned out not to be any. */
  readonly marked: Marked;
  readonly bytes: number;
}

/** Copies what is kept out of packs that go, and proves that nothing else of them is kept. */
function copyOut(store: Store, { layout }: GcParts, marked: Marked): Copied {
  const { index, marks, plan } = marked;
  const made = copyKept(exitsOf(marked), {
    layout,
    framesOf: (digest) => store.streamFrames(digest),
    onMade: (pack) => index.transaction(() => index.addPack(pack, { prefer: true })),
  });
  const ids = new Set(made.map(({ id }) => id));
  // A new pack may be the same, byte for byte, as an old one whose contents were found elsewhere.
  const exits = plan.exits.filter(({ pack }) => !ids.has(pack.id));
  for (const { pack } of exits) verifyCopied(pack, (digest) => marks.keeps(digest), { index, layout });
  for (const { pack } of plan.exits) ids.delete(pack.id);
  const { bytes } = diskUseOf([...ids].map((id) => layout.pack(id)));
  return { marked: { ...marked, plan: { ...plan, exits } }, bytes };
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

function* exitsOf({ index, marks, plan }: Marked): Iterable<PackExit> {
  for (const { pack, keptCount } of plan.exits) {
    if (keptCount === 0) continue;
    const { contents, joins } = index.listed(pack);
    const keep = contents.filter(({ content }) => marks.keeps(content.digest));
    yield { pack, keep, joins: joins.map(({ join }) => join).filter(({ digest }) => marks.keeps(digest)), drop: [] };
  }
}

/** Takes what a build could have taken up: from here on it is not found. The caller is alone. */
function sweep({ layout, refs }: GcParts, marked: Marked, { grace }: GcOptions): Swept {
  const { index, marks, lastAction, deadActions } = marked;
  refs.verify();
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
  readonly options: GcOptions;
  /** New packs, less what the index was. */
  readonly grownBytes: number;
}

/** Removes what nobody finds any more, beside builds that may run again. */
function clean(store: Store, parts: GcParts, { marked, swept, options, grownBytes }: Ending): GcReport {
  const { layout } = parts;
  const lease = store.lease();
  try {
    // First: a symlink is unused when the last name of its inode goes.
    const left = takeLeftovers(swept.left);
    const { marks } = marked;
    // What came since is no garbage.
    const content = (digest: Digest): boolean => marks.keeps(digest) || store.has(digest);
    const tree = (digest: Digest): boolean => marks.keepsTree(digest) || store.has(digest);
    const derived = takeDerived(layout, { content, tree }, takeFile);
    const quarantine = emptyQuarantine(layout, options);
    const files = { ...derived, ...left, quarantine, downloads: swept.downloads };
    parts.index().removeLostRows();
    parts.index().compact();
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
function foretell(store: Store, { layout }: GcParts, { marked, options }: Foretelling): GcReport {
  const { index, plan, marks } = marked;
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
  const quarantine = emptyQuarantine(layout, options);
  const files = { ...takeDerived(layout, kept, note), ...left, quarantine, downloads };
  const keptBytes = plan.exits.reduce((sum, exit) => sum + exit.keptBytes, 0);
  const empty = plan.exits.filter(({ keptCount }) => keptCount === 0);
  return reportOf(store, {
    marked,
    files,
    packs: { count: empty.length, bytes: empty.reduce((sum, { pack }) => sum + pack.sizeBytes, 0) },
    freedBytes: freedBy([...paths, ...inside]) + quarantine.bytes - keptBytes + indexBytes(layout) - index.sizeBytes,
  });
}

interface Findings {
  readonly marked: Marked;
  readonly files: TakenFiles & TakenLeftovers & Readonly<Record<"quarantine" | "downloads", GcAmount>>;
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
