// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { ActionRow } from "./action-table.ts";
import { attempt, type FsckParts, FsckSession, messageOf, rebuildHint } from "./fsck-session.ts";
import { checkDownloads, checkLinks, checkPlans, checkRoots } from "./fsck-files.ts";
import { PackCheck } from "./fsck-packs.ts";
import { diskSource } from "./disk-source.ts";
import { ReachCheck, ReachMarker } from "./reach.ts";
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
  const { store } = session;
  let ref = "";
  const onFault = (digest: Digest, error: unknown): void => {
    session.say(digest, `ref "${ref}" reaches it: ${messageOf(error)}`, rebuildHint);
  };
  const onContent = (digest: Digest): void => {
    if (store.has(digest)) return;
    const [why = "it is not in the store"] = attempt(() => void store.readFrames(digest));
    session.say(digest, `a ref reaches it: ${why}`, rebuildHint);
  };
  const marker = new ReachMarker(diskSource(store, session.parts.index), { onFault, onContent });
  for (const { name, target } of store.listRefs()) {
    ref = name;
    marker.mark({ records: [target] });
  }
}

/** A remembered result names trees; without a file of one it would stand in the way of doing the step again. */
function forgetLostActions(session: FsckSession): void {
  if (!session.repairs) return;
  const { index } = session.parts;
  const check = new ReachCheck(session.store);
  const lost: ActionRow[] = [];
  for (const action of index.actions.list()) if (!check.isWhole(parseReaches(action.reaches))) lost.push(action);
  index.transaction(() => {
    for (const { number } of lost) index.actions.remove(number);
  });
}
