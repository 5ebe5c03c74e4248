// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf } from "../base/index.ts";
import { type Compressor, loadCompressor } from "../formats/index.ts";
import {
  claimedId,
  type ComposedPlan,
  describeLayer,
  describePublished,
  type LayerBlob,
  type LayerPlan,
  openLayer,
  withoutClaims,
} from "../layer/index.ts";
import type { Image } from "../oci/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { damageContent } from "../store/testing/damage-content.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { hasCode, sample } from "../store/testing/sample.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { bringFrom } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const freshDir = freshDirs();
const ours = await loadCompressor();
const payload = Buffer.from(Array.from({ length: 900 }, (_, i) => `line ${i * i} of a text\n`).join(""));
/** Says that it is ours, and is not in one file. */
const liar: Compressor = {
  ...ours,
  compress: (raw) => (raw.length === payload.length ? otherCompressor : ours).compress(raw),
};
const form = "zstd:chunked";

function imageOf(name: string, compressor: Compressor): Promise<Image> {
  const files = { [`usr/lib/${name}`]: sample(1, 3_000), "usr/lib/payload": payload };
  return chunkedImage({ layers: [[files]], compressor });
}

const [honest, lying] = [await imageOf("honest", ours), await imageOf("lying", liar)];

async function pull(store: Store, image: Image, keepBlobs = false): Promise<LayerPlan> {
  const brought = await bringFrom(store, rangeSource(image), { keepBlobs, name: image.manifestDescriptor.digest });
  return readForeignRecord(store, brought.record).layers[0] as LayerPlan;
}

type Remembered = Parameters<Store["putAction"]>;

interface AfterLoss {
  readonly store: Store;
  readonly plan: ComposedPlan;
  readonly blob: LayerBlob;
  /** What was remembered of the first image before the loss. */
  readonly remembered: readonly Remembered[];
}

/**
 * A store with an image whose payload is then lost, and comes again with another one's frames; and what was known of
 * the layer before.
 */
async function afterLoss(
  first: Image,
  second: Image,
  planOf: (plan: ComposedPlan) => ComposedPlan,
): Promise<AfterLoss> {
  const dir = freshDir();
  const before = openStore(dir, { compressor: ours });
  const remembered: Remembered[] = [];
  const putAction = before.putAction.bind(before);
  before.putAction = (...pair) => (remembered.push(pair), putAction(...pair));
  const pulled = await pull(before, first);
  assert.ok(pulled.kind === undefined && pulled.claimed === true);
  const plan = planOf(pulled);
  const blob = await describe(before, plan);
  damageContent(dir, before, payload);
  before.close();
  const store = openStore(dir, { compressor: ours });
  store.fsck({ full: true, repair: true });
  assert.equal(store.has(digestOf(payload)), false);
  await pull(store, second);
  assert.equal(store.info(digestOf(payload))?.compressor, claimedId());
  return { store, plan, blob, remembered };
}

function describe(store: Store, plan: LayerPlan): Promise<LayerBlob> {
  return describeLayer(plan, form, { store, compressor: loadCompressor });
}

async function write(store: Store, plan: LayerPlan, blob: LayerBlob): Promise<Digest> {
  const pieces: Uint8Array[] = [];
  for await (const piece of openLayer(plan, blob, { store, compressor: loadCompressor })) pieces.push(piece);
  return digestOf(Buffer.concat(pieces));
}

function digestIn({ layers }: Image): Digest {
  return layers[0]?.descriptor.digest as Digest;
}

test("a layer that was built of proven frames is written where the store has lying ones by now", async () => {
  const { store, plan, blob } = await afterLoss(honest, lying, withoutClaims);
  assert.equal(blob.hasTrueClaims, true);
  assert.equal(await write(store, plan, blob), digestIn(honest));
  assert.equal((await describe(store, plan)).hasTrueClaims, undefined, "they are not trusted again");
  store.close();
});

test("a layer that was pulled is written where the store has lying frames by now", async () => {
  const { store, plan, blob } = await afterLoss(honest, lying, (pulled) => pulled);
  assert.equal(await write(store, plan, blob), digestIn(honest));
  const again = await pull(store, honest);
  assert.ok(again.kind === undefined && again.claimed === undefined, "the plan that is known has no claims");
  assert.equal(await write(store, again, await describe(store, again)), digestIn(honest));
  store.close();
});

test("a layer that was pulled is described as it was published where the store has lying frames by now", async () => {
  const { store, plan } = await afterLoss(honest, lying, (pulled) => pulled);
  assert.notEqual((await describe(store, plan)).digest, digestIn(honest));
  const maker = { store, compressor: loadCompressor };
  const found = await describePublished(plan, digestIn(honest), { form, maker });
  assert.ok(found?.plan.kind === undefined && found?.plan.claimed === undefined);
  assert.equal(found?.blob.digest, digestIn(honest));
  store.close();
});

test("a layer whose lying frames are gone is no longer known, and is brought whole", async () => {
  const { store, plan, blob } = await afterLoss(lying, honest, (pulled) => pulled);
  await assert.rejects(write(store, plan, blob), hasCode("LAYER_CHANGED"));
  const again = await pull(store, lying, true);
  assert.equal(again.kind, "tar");
  assert.equal(await write(store, again, await describe(store, again)), digestIn(lying));
  const maker = { store, compressor: loadCompressor };
  const found = await describePublished(plan, digestIn(lying), { form, maker });
  assert.equal(found?.plan.kind, "tar", "what stands on it has it too");
  store.close();
});

test("what false claims were believed to make is forgotten when the layer is written", async () => {
  const { store, plan, blob, remembered } = await afterLoss(lying, honest, (pulled) => pulled);
  // A repair forgets what needs lost files; where the frames became others in another way it is still there.
  for (const [action, result] of remembered) store.putAction(action, result);
  assert.equal((await describe(store, plan)).digest, digestIn(lying));
  await assert.rejects(write(store, plan, blob), hasCode("LAYER_CHANGED"));
  assert.notEqual((await describe(store, plan)).digest, digestIn(lying));
  const again = await pull(store, lying);
  assert.equal(again.kind, "tar");
  store.close();
});
