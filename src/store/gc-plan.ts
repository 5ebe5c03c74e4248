// SPDX-License-Identifier: Apache-2.0
import { lstatSync } from "node:fs";

import type { GcMarks } from "./gc-mark.ts";
import type { GcAmount } from "./gc-report.ts";
import type { IndexDatabase, PackRow } from "./index-database.ts";
import { damagedRow } from "./row-sum.ts";

/** What becomes of the packs. */
export interface GcPlan {
  /** Packs that go; what of them is kept is copied into new ones before. */
  readonly exits: readonly PackPlan[];
  /** Rows of the index that go and whose pack stays. */
  readonly deadRows: readonly number[];
  readonly dead: GcAmount;
  readonly byRefs: GcAmount;
  readonly byGrace: GcAmount;
}

export interface PackPlan {
  readonly pack: PackRow;
  readonly keptCount: number;
  readonly keptBytes: number;
  readonly dead: GcAmount;
}

/** A pack less than this part of which is kept is rewritten. */
const keptShareMin = 0.5;

/**
 * Decides what goes, in one pass over the index that holds nothing of it but numbers of rows. Throws
 * `STORE_INDEX_DAMAGED` where it has a join that it did not tell when it was asked for all of them: pieces of it would
 * go.
 */
export function planPacks(index: IndexDatabase, packs: readonly PackRow[], marks: GcMarks): GcPlan {
  const exits: PackPlan[] = [];
  const deadRows: number[] = [];
  const [dead, byRefs, byGrace] = [newAmount(), newAmount(), newAmount()];
  for (const pack of packs) {
    const rows: number[] = [];
    const deadOfPack = newAmount();
    let keptCount = 0;
    let keptBytes = 0;
    let tableBytes = 0;
    for (const row of index.rowsOf(pack)) {
      const isByRefs = marks.byRefs.contents.hasBytes(row.digest);
      const isKept = isByRefs || marks.byGrace.contents.hasBytes(row.digest);
      addTo(isByRefs ? byRefs : isKept ? byGrace : dead, row.storedBytes);
      if (!isKept) {
        addTo(deadOfPack, row.storedBytes);
        rows.push(row.number);
        continue;
      }
      if (row.isJoin && !marks.knowsJoin(row.digest)) throw damagedRow(`a join in pack "${pack.id}"`);
      keptCount++;
      keptBytes += row.storedBytes;
      tableBytes += row.tableBytes;
    }
    const exit = { pack, keptCount, keptBytes, dead: deadOfPack };
    // The table counts as used: a pack of few small contents is mostly table.
    if ((keptBytes + tableBytes) / pack.sizeBytes < keptShareMin) exits.push(exit);
    else for (const row of rows) deadRows.push(row);
  }
  return { exits, deadRows, dead, byRefs, byGrace };
}

/** The same plan where something was marked since: nothing more goes, and a pack stays while it has what is kept. */
export function planAgain(index: IndexDatabase, plan: GcPlan, marks: GcMarks): GcPlan {
  const deadRows = plan.deadRows.filter((number) => {
    const digest = index.digestOfRow(number);
    return digest !== undefined && !marks.keeps(digest);
  });
  const exits = plan.exits.filter(({ pack }) => {
    for (const { digest } of index.rowsOf(pack)) if (marks.keepsBytes(digest)) return false;
    return true;
  });
  return { ...withExits(plan, exits), deadRows };
}

/** The plan with only some of its exits. */
export function withExits(plan: GcPlan, exits: readonly PackPlan[]): GcPlan {
  const dead = { ...plan.dead };
  const leaving = new Set(exits);
  for (const exit of plan.exits) {
    if (leaving.has(exit)) continue;
    dead.count -= exit.dead.count;
    dead.bytes -= exit.dead.bytes;
  }
  return { ...plan, exits, dead };
}

export interface Amount {
  count: number;
  bytes: number;
}

export function newAmount(): Amount {
  return { count: 0, bytes: 0 };
}

export function addTo(amount: Amount, bytes: number): void {
  amount.count++;
  amount.bytes += bytes;
}

export interface Grace {
  readonly ms: number;
  readonly nowMs: number;
}

/** Tells whether a file was made within the grace. A time far in the future says that a clock was wrong, no more. */
export function isYoung(path: string, grace: Grace | undefined): boolean {
  if (grace === undefined) return false;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Math.abs(grace.nowMs - stats.mtimeMs) < grace.ms;
}
