// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { DigestSet } from "./digest-set.ts";
import { attempt, type FsckSession, messageOf, rebuildHint } from "./fsck-session.ts";
import type { PackCheck } from "./fsck-packs.ts";
import { ReachCheck } from "./reach.ts";
import { parseReaches } from "./record.ts";
import type { Reaches, Store } from "./store.ts";

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
  const walk = new ReachWalk(session.store, present);
  for (const { name, target } of refs) {
    walk.from(name, { records: [target] });
    step.advance(1);
  }
  step.done(`${refs.length} names`);
  return walk.missing;
}

/** Goes through all that is reached, each tree and record once. */
class ReachWalk {
  readonly missing = new Map<Digest, string>();
  readonly #store: Store;
  readonly #trees = new Set<Digest>();
  readonly #records = new Set<Digest>();
  /** A content is taken for one of these by mistake with odds that are nothing beside those of a fault. */
  readonly #present: DigestSet;

  constructor(store: Store, present: DigestSet) {
    this.#store = store;
    this.#present = present;
  }

  from(ref: string, roots: Reaches): void {
    const waiting: Reaches[] = [roots];
    for (let reaches = waiting.pop(); reaches !== undefined; reaches = waiting.pop()) {
      for (const digest of reaches.contents ?? []) this.#look(digest);
      for (const digest of fresh(reaches.trees, this.#trees)) {
        this.#attempt(ref, digest, () => this.#lookInTree(digest));
      }
      for (const digest of fresh(reaches.records, this.#records)) {
        this.#attempt(ref, digest, () => void waiting.push(this.#store.readRecord(digest).reaches));
      }
    }
  }

  #attempt(ref: string, digest: Digest, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.missing.set(digest, `ref "${ref}" reaches it: ${messageOf(error)}`);
    }
  }

  #lookInTree(tree: Digest): void {
    for (const entry of this.#store.readTree(tree)) if (entry.type === "file") this.#look(entry.content);
  }

  #look(digest: Digest): void {
    if (this.#present.has(digest) || this.missing.has(digest) || this.#store.has(digest)) return;
    const [why = "it is not in the store"] = attempt(() => void this.#store.readFrames(digest));
    this.missing.set(digest, `a ref reaches it: ${why}`);
  }
}

function* fresh(digests: readonly Digest[] = [], seen: Set<Digest>): Iterable<Digest> {
  for (const digest of digests) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield digest;
  }
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
