// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, type Digest } from "../base/index.ts";
import { type Compressor, loadCompressor } from "../formats/index.ts";
import { claimedId, type ComposedPlan, describeLayer, type LayerBlob, openLayer } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import { sample } from "../store/testing/sample.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { bringFrom, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const ours = await loadCompressor();
const small = sample(1, 3_000);
const payload = Buffer.from(Array.from({ length: 900 }, (_, i) => `line ${i * i} of a text\n`).join(""));
const layers = [[{ "usr/lib/small": small, "usr/lib/payload": payload }]];
/** Says that it is ours, and is not in one file. */
const liar: Compressor = {
  ...ours,
  compress: (raw) => (raw.length === payload.length ? otherCompressor : ours).compress(raw),
};

interface Pulled {
  readonly store: Store;
  readonly published: Digest;
  readonly plan: ComposedPlan;
}

async function pull(compressor: Compressor): Promise<Pulled> {
  const store = await newStore();
  const image = await chunkedImage({ layers, compressor });
  const brought = await bringFrom(store, rangeSource(image));
  verifyBrought(store, brought, image);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["files"]);
  assert.equal(store.info(digestOf(payload))?.compressor, claimedId());
  const [plan] = readForeignRecord(store, brought.record).layers;
  assert.ok(plan !== undefined && plan.kind === undefined && plan.claimed === true);
  return { store, published: image.layers[0]?.descriptor.digest as Digest, plan };
}

/** The same trees as a layer that is built here. */
function built({ claimed: _, ...plan }: ComposedPlan): ComposedPlan {
  return plan;
}

/** The blob, its bytes' digest, and the sizes of what had to be compressed for them. */
async function write(
  store: Store,
  plan: ComposedPlan,
): Promise<{ readonly blob: LayerBlob; readonly digest: Digest; readonly compressed: readonly number[] }> {
  const compressed: number[] = [];
  const counting: Compressor = {
    ...ours,
    compress: (raw) => {
      compressed.push(raw.length);
      return ours.compress(raw);
    },
  };
  const blob = await describeLayer(plan, "zstd:chunked", { store, compressor: loadCompressor });
  const pieces: Uint8Array[] = [];
  const maker = { store, compressor: () => Promise.resolve(counting) };
  for await (const piece of openLayer(plan, blob, maker)) pieces.push(piece);
  return { blob, digest: digestOf(Buffer.concat(pieces)), compressed };
}

test("frames that came as ours make the published layer without being compressed again", async () => {
  const { store, published, plan } = await pull(ours);
  const { digest, compressed } = await write(store, plan);
  assert.equal(digest, published);
  assert.ok(!compressed.includes(payload.length) && !compressed.includes(small.length));
});

test("a layer that is built of frames that came as ours proves them once", async () => {
  const { store, published, plan } = await pull(ours);
  const { blob, digest, compressed } = await write(store, built(plan));
  assert.equal(blob.hasTrueClaims, true);
  assert.equal(blob.digest, published);
  assert.equal(digest, published);
  assert.ok(!compressed.includes(payload.length));
});

test("a layer that is built is the same whatever frames came as ours", async () => {
  const [lied, honest] = [await pull(liar), await pull(ours)];
  assert.notEqual(lied.published, honest.published);
  const { blob, digest, compressed } = await write(lied.store, built(lied.plan));
  assert.equal(blob.hasTrueClaims, undefined);
  assert.equal(blob.digest, honest.published);
  assert.equal(digest, honest.published);
  assert.ok(compressed.includes(payload.length));
  assert.equal((await write(lied.store, lied.plan)).digest, lied.published, "what was pulled stays what was published");
});

test("frames that another image lied about do not get into the way of an honest one", async () => {
  const { store } = await pull(liar);
  const image = await chunkedImage({ layers: [[{ "usr/lib/libc": payload, "usr/lib/other": sample(3, 9_000) }]] });
  const brought = await bringFrom(store, rangeSource(image), { name: "honest" });
  assert.deepEqual(brought.layers.map(({ way }) => way), ["files"]);
  const [plan] = readForeignRecord(store, brought.record).layers;
  assert.ok(plan !== undefined && plan.kind === undefined && plan.claimed === undefined);
  assert.equal((await write(store, plan)).digest, image.layers[0]?.descriptor.digest);
});
