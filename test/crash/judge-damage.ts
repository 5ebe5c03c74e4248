// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

import { type Digest, digestOf, isAshlarError } from "../../src/base/index.ts";
import { loadCompressor } from "../../src/formats/index.ts";
import { openStore, type Store } from "../../src/store/index.ts";
import type { DamageArea } from "./damages.ts";
import { buildAgain, checkOutAgain, type DamagePlace, exportAgain, type Rest, rowsOf } from "./damage-place.ts";

const compressor = await loadCompressor();

/**
 * How a damage came out. "recovered": opening the store put it right and said so; "harmless": every row and byte that
 * anything reads is as it was.
 */
export type Verdict = "detected" | "refused" | "recovered" | "harmless";

export interface Damage {
  readonly area: DamageArea;
  /** What `inflict` starts from. */
  readonly rest: Rest;
  /** Damages a place that was reset: the same each time. Returns what was done. */
  inflict(): string | undefined;
}

/**
 * Proves of one damage: nothing wrong gets out of the store before it is found, a full fsck finds it, and after a
 * repair the next build gives the same and a full fsck finds nothing. Throws where one of these does not hold.
 */
export async function judgeDamage(place: DamagePlace, damage: Damage): Promise<Verdict | undefined> {
  const { rest, inflict } = damage;
  place.reset(rest);
  if (inflict() === undefined) return undefined;
  await verifyUse(place);
  place.reset(rest);
  inflict();
  const rows = rowsOf(place.store);
  const recovered: string[] = [];
  const found = withStore(place, (store) => store.fsck({ full: true }), recovered);
  if (found === undefined) return "refused";
  const isDetected = found.faults.length > 0;
  const isRecovered = recovered.length > 0;
  if (!isDetected) verifyAsItWas(place, damage, isRecovered ? undefined : rows);
  withStore(place, (store) => store.fsck({ full: true, repair: true }));
  assert.deepEqual(await buildAgain(place.base), place.sound.built, "the build after the repair");
  assert.deepEqual(withStore(place, (store) => store.fsck({ full: true }))?.faults, [], "fsck after repair and build");
  withStore(place, (store) => verifyContents(store, place, "all"));
  return isDetected ? "detected" : isRecovered ? "recovered" : "harmless";
}

/**
 * Nothing was found, so nothing is another than before: no ref, and no row of the index. Of the list of adopted files
 * nothing is believed; and the end of the index's log is lost as in a power failure, which is all derived.
 */
function verifyAsItWas(
  place: DamagePlace,
  { rest, area }: Damage,
  rows: ReadonlyMap<string, string> | undefined,
): void {
  const refs = withStore(place, (store) => store.listRefs());
  assert.deepEqual(refs, place.sound.refs, "fsck found nothing, and refs differ");
  if (area === "index.sqlite-wal" || rows === undefined) return;
  const name = "index.sqlite";
  assert.equal(rows.get(name), place.sound.rows[rest].get(name), "fsck found nothing, and rows of the index differ");
}

/** Uses the store as if nothing had happened: each answer is right, or an error of ours. */
async function verifyUse(place: DamagePlace): Promise<void> {
  const { base, sound } = place;
  withStore(place, (store) => {
    verifyContents(store, place, "some");
    for (const { name, target } of sound.refs) {
      const found = attempt(() => store.getRef(name));
      if (found !== undefined && found !== target) assert.equal(attempt(() => store.readRecord(found)), undefined);
    }
  });
  const answers = [
    [await exportAgain(base), sound.layout],
    [await checkOutAgain(base), sound.root],
    [await buildAgain(base), sound.built],
    [await exportAgain(base), sound.layout],
  ];
  for (const [answer, right] of answers) if (typeof answer !== "string") assert.deepEqual(answer, right);
}

function verifyContents(store: Store, { sound }: DamagePlace, which: "all" | "some"): void {
  for (const [digest, frames] of sound.frames) {
    const read = attempt(() => digestOf(store.read(digest)));
    const stored = attempt(() => digestOf(store.readFrames(digest)));
    const info = attempt(() => store.info(digest));
    assert.ok(read === undefined || read === digest, `read gave ${String(read)} for ${digest}`);
    if (stored !== undefined && stored !== frames) verifyOtherFrames(store, digest);
    if (info !== undefined) assert.equal(info.digest, digest);
    if (which === "all" && isReached(store, digest)) assert.equal(read, digest);
  }
}

/** Of two packs that have a content, another one may be in use now. */
function verifyOtherFrames(store: Store, digest: Digest): void {
  assert.equal(attempt(() => digestOf(store.read(digest))), digest, "frames of something else");
}

/** What was there and no ref reaches may be gone. */
function isReached(store: Store, digest: Digest): boolean {
  return attempt(() => store.has(digest)) === true;
}

/** Undefined in place of an error of ours; any other one is a fault of ours. */
function attempt<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    return undefined;
  }
}

/** Undefined where the store refuses to be opened, or to be looked at. */
function withStore<T>({ store: dir }: DamagePlace, use: (store: Store) => T, said: string[] = []): T | undefined {
  const store = attempt(() => openStore(dir, { compressor, onRecover: (what) => void said.push(what) }));
  if (store === undefined) return undefined;
  try {
    return use(store);
  } finally {
    store.close();
  }
}
