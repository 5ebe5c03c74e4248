// SPDX-License-Identifier: Apache-2.0
import { attempt, type FsckParts, FsckSession, messageOf, rebuildHint } from "./fsck-session.ts";
import { checkDownloads, checkLinks, checkPlans, checkRoots } from "./fsck-files.ts";
import { PackCheck } from "./fsck-packs.ts";
import { markReach, ReachCheck, ReachSet } from "./reach.ts";
import { parseReaches } from "./record.ts";
import type { FsckOptions, FsckReport, Store } from "./store.ts";

/** Proves a store on disk. With `repair` the caller holds the exclusive side of the lease lock. */
export function fsckDisk(store: Store, parts: FsckParts, options: FsckOptions): FsckReport {
  const session = new FsckSession(store, parts, options);
  const packs = new PackCheck(session);
  const sound = checkDatabases(session);
  if (sound.index) {
    packs.packs();
    packs.joins();
    if (sound.refs) checkReach(session);
    forgetLostActions(session);
    checkLinks(session);
    checkRoots(session);
    checkPlans(session);
    checkDownloads(session);
  }
  return { contents: packs.contentCount, packs: packs.packCount, faults: session.faults };
}

/** Tells which of them can be read at all. */
function checkDatabases(session: FsckSession): { readonly index: boolean; readonly refs: boolean } {
  const { layout, index, refFaults, adopted } = session.parts;
  const refs = attempt(refFaults);
  for (const line of refs) session.say("refs.sqlite", line, "put a copy of it back");
  const listed = attempt(adopted.faults);
  for (const line of listed) session.say("adopted.sqlite", line, "repair removes it; adopt the directories again");
  if (listed.length > 0 && session.repairs) adopted.drop();
  const faults = attempt(() => index.faults());
  const hint = `remove "${layout.index}"; it is made again from the packs`;
  for (const line of faults) session.say("index.sqlite", line, hint);
  return { index: faults.length === 0, refs: refs.length === 0 };
}

function checkReach(session: FsckSession): void {
  const reached = new ReachSet();
  for (const ref of session.store.listRefs()) {
    markReach(session.store, { records: [ref.target] }, reached, (digest, error) => {
      session.say(digest, `ref "${ref.name}" reaches it: ${messageOf(error)}`, rebuildHint);
    });
  }
  for (const digest of reached.contents) {
    if (reached.trees.has(digest) || reached.records.has(digest) || session.store.has(digest)) continue;
    const [why = "it is not in the store"] = attempt(() => void session.store.readFrames(digest));
    session.say(digest, `a ref reaches it: ${why}`, rebuildHint);
  }
}

/** A remembered result names trees; without a file of one it would stand in the way of doing the step again. */
function forgetLostActions(session: FsckSession): void {
  if (!session.repairs) return;
  const { index } = session.parts;
  const check = new ReachCheck(session.store);
  const lost = index.actions.list().filter(({ reaches }) => !check.isWhole(parseReaches(reaches)));
  index.transaction(() => {
    for (const { key } of lost) index.actions.remove(key);
  });
}
