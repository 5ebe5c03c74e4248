// SPDX-License-Identifier: Apache-2.0
import { attempt, type FsckParts, FsckSession } from "./fsck-session.ts";
import { checkDownloads, checkLinks, checkPlans, checkRoots } from "./fsck-files.ts";
import { PackCheck } from "./fsck-packs.ts";
import { checkReach, forgetLostActions } from "./fsck-reach.ts";
import type { FsckOptions, FsckReport } from "./fsck-report.ts";
import { listQuarantine } from "./quarantine.ts";
import type { DamagedRow } from "./row-sum.ts";
import type { Store } from "./store.ts";

/** Proves a store on disk. With `repair` the caller holds the exclusive side of the lease lock. */
export function fsckDisk(store: Store, parts: FsckParts, options: FsckOptions): FsckReport {
  const session = new FsckSession(store, parts, options);
  const before = new Set(listQuarantine(parts.layout));
  const packs = new PackCheck(session);
  const sound = checkDatabases(session);
  if (sound.index) {
    if (sound.isListedWrong) packs.relist();
    packs.packs();
    packs.joins();
    if (sound.refs && options.subset === undefined) checkReach(session, packs);
    forgetLostActions(session);
    checkLinks(session);
    if (options.subset === undefined) checkRoots(session);
    checkPlans(session);
    checkDownloads(session);
  }
  const { contentCount, packCount } = packs;
  const quarantined = listQuarantine(parts.layout).filter((path) => !before.has(path));
  return { contents: contentCount, packs: packCount, faults: session.faults(), quarantined };
}

interface Databases {
  readonly index: boolean;
  /** Rows were taken out of the index that are to be made again. */
  readonly isListedWrong: boolean;
  readonly refs: boolean;
}

/** Tells which of them can be read at all, where asked after putting them right. */
function checkDatabases(session: FsckSession): Databases {
  const { parts, repairs } = session;
  const step = session.start("databases");
  const refs = checkRefs(session);
  const listed = attempt(() => parts.adopted.faults());
  for (const why of listed) {
    const hint = "repair removes it; adopt the directories again";
    session.say({ kind: "adopted", what: "adopted.sqlite", why, hint, repair: "removed" });
  }
  if (listed.length > 0 && repairs) parts.adopted.drop();
  let rows: readonly DamagedRow[] = [];
  const faults = attempt(() => {
    const found = session.index.faults({ ofIndexes: true });
    if (found.length === 0) rows = session.index.damagedRows({ drop: repairs });
    return found;
  });
  for (const why of faults) {
    const hint = "repair makes it again from the packs";
    session.say({ kind: "index", what: "index.sqlite", why, hint, repair: "restored" });
  }
  if (faults.length > 0 && repairs) session.index = parts.renewIndex();
  for (const row of rows) {
    const hint = "repair makes it again from the packs, or forgets it";
    session.say({ kind: "index", ...row, hint, repair: "restored" });
  }
  step.done();
  return { index: faults.length + rows.length === 0 || repairs, isListedWrong: rows.length > 0, refs };
}

function checkRefs(session: FsckSession): boolean {
  const { repairs, parts: { refs } } = session;
  const faults = refs.faults();
  if (faults.length === 0) return true;
  const left = repairs ? attempt(() => refs.repair(faults)) : [];
  for (const { file, why } of faults) {
    const hint = `repair takes the names from ${file === "refs.log" ? "refs.sqlite" : "refs.log"}`;
    if (left.length === 0) session.say({ kind: "refs", what: file, why, hint, repair: "restored" });
    else session.say({ kind: "refs", what: file, why: left.join("; "), hint: "put a copy of it back" });
  }
  return repairs && left.length === 0;
}
