// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import {
  indexBytes,
  type MovedLeftovers,
  moveLeftovers,
  takeDerived,
  takeDownloads,
  type TakenFiles,
  type TakenLeftovers,
  takeFile,
  takeLeftovers,
} from "./gc-files.ts";
import { type GcParts, joinsOf, type Marked } from "./gc-look.ts";
import { reportOf } from "./gc-outcome.ts";
import { planAgain, withExits } from "./gc-plan.ts";
import type { GcAmount, GcOptions, GcReport } from "./gc-report.ts";
import type { Layout } from "./layout.ts";
import { emptyQuarantine } from "./quarantine.ts";
import { keepReserve, unlessFull } from "./reserve.ts";
import type { Store } from "./store.ts";

interface Look {
  readonly marked: Marked;
  readonly options: GcOptions;
}

type CleanedFiles = TakenFiles & TakenLeftovers & { readonly quarantine: GcAmount };

/** What went while nobody else was there, and what is left to be removed. */
export interface Swept {
  /** With the plan that was followed. */
  readonly marked: Marked;
  readonly packs: GcAmount;
  readonly packFileBytes: number;
  readonly downloads: GcAmount;
  readonly left: MovedLeftovers;
  /** Where that was removed already. */
  readonly files: CleanedFiles | undefined;
}

/** Takes what a build could have taken up: from here on it is not found. The caller is alone. */
export function sweep(store: Store, { layout, refs }: GcParts, { marked, options }: Look): Swept {
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
  const again = isMore ? planAgain(index, marked.plan, marks) : marked.plan;
  const plan = withExits(again, again.exits.filter(({ pack }) => there.has(pack.number)));
  const { exits } = plan;
  const takeRows = (): void =>
    index.transaction(() => {
      for (const number of deadActions) index.actions.remove(number);
      for (const number of plan.deadRows) index.removeRow(number);
      for (const { pack } of exits) index.removeEmptyPack(pack.number);
    });
  const downloads = takeDownloads(layout, options.grace, takeFile);
  const left = moveLeftovers(layout);
  let files: CleanedFiles | undefined;
  // On a full disk even taking rows out of the index needs room: what is free to go goes first, while builds wait.
  if (!unlessFull(takeRows)) {
    files = cleanFiles(store, layout, { marked, left, options });
    takeRows();
  }
  let packFileBytes = 0;
  for (const { pack } of exits) packFileBytes += takeFile(layout.pack(pack.id));
  const empty = exits.filter(({ keptCount }) => keptCount === 0);
  return {
    marked: { ...marked, plan },
    packs: { count: empty.length, bytes: empty.reduce((sum, { pack }) => sum + pack.sizeBytes, 0) },
    packFileBytes,
    downloads,
    left,
    files,
  };
}

interface Ending {
  readonly swept: Swept;
  readonly options: GcOptions;
  /** New packs, less what the index was. */
  readonly grownBytes: number;
}

/** Removes what nobody finds any more, beside builds that may run again. */
export function clean(store: Store, parts: GcParts, { swept, options, grownBytes }: Ending): GcReport {
  const { layout } = parts;
  const { marked } = swept;
  const lease = store.lease();
  try {
    const cleaned = swept.files ?? cleanFiles(store, layout, { marked, left: swept.left, options });
    const files = { ...cleaned, downloads: swept.downloads };
    unlessFull(() => parts.index().removeLostRows());
    unlessFull(() => parts.index().compact());
    keepReserve(layout);
    const fileBytes = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
    const freedBytes = swept.packFileBytes + fileBytes - grownBytes - indexBytes(layout);
    return reportOf(store, { marked, files, packs: swept.packs, freedBytes });
  } finally {
    lease.release();
  }
}

interface Cleaning extends Look {
  readonly left: MovedLeftovers;
}

function cleanFiles(store: Store, layout: Layout, { marked, left, options }: Cleaning): CleanedFiles {
  const { marks } = marked;
  // First: a symlink is unused when the last name of its inode goes.
  const leftovers = takeLeftovers(left);
  // What came since is no garbage.
  const content = (digest: Digest): boolean => marks.keeps(digest) || store.has(digest);
  const tree = (digest: Digest): boolean => marks.keepsTree(digest) || store.has(digest);
  const derived = takeDerived(layout, { content, tree }, takeFile);
  return { ...derived, ...leftovers, quarantine: emptyQuarantine(layout, options) };
}
