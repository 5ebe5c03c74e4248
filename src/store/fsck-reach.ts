// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { DigestSet } from "./digest-set.ts";
import { diskSource } from "./disk-source.ts";
import { attempt, type FsckSession, messageOf, rebuildHint } from "./fsck-session.ts";
import type { PackCheck } from "./fsck-packs.ts";
import { ReachCheck, ReachMarker } from "./reach.ts";
import { parseReaches } from "./record.ts";

/** Proves that all that refs reach is here and that records and trees can be read. */
export function checkReach(session: FsckSession, packs: PackCheck): void {
  const missing = findMissing(session, packs.present);
  // The index may have lost a row without knowing: the packs know better.
  if (missing.size > 0 && session.repairs) {
    packs.relist();
    const left = findMissing(session, packs.present);
    for (const [what, why] of missing) {
      if (left.has(what)) continue;
      missing.delete(what);
      session.say({ kind: "index", what, why: `a pack has it, and still: ${why}`, repair: "restored" });
    }
  }
  for (const [what, why] of missing) {
    if (!session.isBlamed(what)) session.say({ kind: "missing", what, why, hint: rebuildHint });
  }
}

/** What refs reach and cannot be read, with the reason. */
function findMissing(session: FsckSession, present: DigestSet): Map<Digest, string> {
  const refs = session.store.listRefs();
  const step = session.start("what names reach", refs.length, "items");
  const missing = new Map<Digest, string>();
  let ref = "";
  const marker = new ReachMarker(diskSource(session.store, session.index), {
    onFault: (digest, error) => void missing.set(digest, `ref "${ref}" reaches it: ${messageOf(error)}`),
    // A content is taken for one of these by mistake with odds that are nothing beside those of a fault.
    known: present,
    onMention(digest) {
      if (missing.has(digest) || session.store.has(digest)) return;
      const [why = "it is not in the store"] = attempt(() => void session.store.readFrames(digest));
      missing.set(digest, `a ref reaches it: ${why}`);
    },
  });
  for (const { name, target } of refs) {
    ref = name;
    marker.mark({ records: [target] });
    step.advance(1);
  }
  step.done(`${refs.length} names`);
  return missing;
}

/** A remembered result names trees; without a file of one it would stand in the way of doing the step again. */
export function forgetLostActions(session: FsckSession): void {
  if (!session.repairs) return;
  const { index } = session;
  const check = new ReachCheck(session.store);
  const lost: number[] = [];
  for (const { number, reaches } of index.actions.list()) if (!check.isWhole(parseReaches(reaches))) lost.push(number);
  index.transaction(() => {
    for (const number of lost) index.actions.remove(number);
  });
}
