// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { diskSource } from "./disk-source.ts";
import { GcMarks } from "./gc-mark.ts";
import { type GcPlan, isYoung, planPacks } from "./gc-plan.ts";
import type { GcOptions } from "./gc-report.ts";
import type { IndexDatabase, PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import type { JoinedContent } from "./pack-format.ts";
import { alignIndex } from "./recover.ts";
import { roomIn, unlessFull } from "./reserve.ts";
import type { Lease, Store } from "./store.ts";
import { verifyListed } from "./verify-listed.ts";

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
export interface Marked {
  /** Numbers of rows and packs are those of this one. */
  readonly index: IndexDatabase;
  readonly marks: GcMarks;
  readonly plan: GcPlan;
  /** Numbers of actions. */
  readonly deadActions: readonly number[];
  /** Actions of higher numbers came later. */
  readonly lastAction: number;
}

/**
 * Brings the index in line with the packs, as far as there is room for that. A pack without rows is in no plan: it
 * stays, and so does all that it has, until a collection with more room gives it its rows.
 */
export function alignUnlessFull({ index, layout }: GcParts): void {
  if (roomIn(layout) === 0) return;
  if (unlessFull(() => alignIndex(index(), layout, { forget: true }))) return;
  // What was written in vain takes the room that is needed to go on.
  unlessFull(() => index().trim());
}

/** Finds out what stays and what goes. The caller holds a lease. */
export function markAll(store: Store, parts: GcParts, { grace, onRef }: GcOptions): Marked {
  const { layout } = parts;
  const index = parts.index();
  const marks = new GcMarks(store, diskSource(store, index));
  const lastAction = index.actions.lastNumber();
  const packs = index.packs();
  marks.markRefs(onRef);
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

/** All of young packs stays, and what results that name some of it need from elsewhere. */
function markYoung(packs: readonly PackRow[], { marks, index }: { marks: GcMarks; index: IndexDatabase }): void {
  if (packs.length === 0) return;
  for (const pack of packs) for (const { digest } of index.rowsOf(pack)) marks.markYoung(digest);
  const isIn = (digest: Digest): boolean => marks.byGrace.contents.has(digest);
  marks.markResults(index.actions.list(), ({ contents = [], trees = [], records = [] }) =>
    [contents, trees, records].some((digests) => digests.some(isIn)),
  );
}

export function* joinsOf(index: IndexDatabase): Iterable<JoinedContent> {
  for (const { join } of index.joins()) yield join;
}
