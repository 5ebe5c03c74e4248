// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Digest } from "../base/index.ts";
import { digestOf, isAshlarError } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import {
  describeLayer,
  type DigestPrefix,
  encodeLayerIndex,
  type IndexPart,
  type LayerPlan,
  openLayer,
  parseLayerIndex,
  prefixOf,
} from "../layer/index.ts";
import { annotationKeys, type Image, type Layer } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { sample } from "../store/testing/sample.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { readIndexedLayer } from "./indexed-way.ts";
import { chunkedImage, withAnnotations } from "./testing/chunked-image.ts";
import { rangeSource } from "./testing/range-source.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";

/** A package of a thousand files, and a small one. */
const many = Object.fromEntries(
  Array.from({ length: 1000 }, (_, i) => [`usr/share/many/${i % 50}/file${i}`, `file ${i}\n`]),
);
const layers = [[many, { "usr/bin/small": sample(1, 5_000) }]];
const before = await chunkedImage({ layers });
const after = await chunkedImage({
  layers: [[{ ...many, "usr/share/many/7/file7": "changed\n", "usr/share/many/9/new": "new\n" }, layers[0]?.[1] ?? {}]],
});

async function plansOf(store: Store, record: Digest): Promise<readonly LayerPlan[]> {
  return readForeignRecord(store, record).layers;
}

async function blobOf(store: Store, plan: LayerPlan): Promise<Digest> {
  const maker = { store, compressor: loadCompressor };
  const pieces: Uint8Array[] = [];
  for await (const piece of openLayer(plan, await describeLayer(plan, "gzip", maker), maker)) pieces.push(piece);
  return digestOf(Buffer.concat(pieces));
}

test("a layer of ours is composed again byte for byte, whatever the form asked for", async () => {
  const store = await newStore();
  const { record } = await bringFrom(store, rangeSource(before));
  const [plan] = await plansOf(store, record);
  assert.ok(plan !== undefined && plan.kind === undefined);
  assert.equal(await blobOf(store, plan), before.layers[0]?.descriptor.digest);
});

function tableBytes(source: ReturnType<typeof rangeSource>, image: Image): number {
  const position = image.layers[0]?.descriptor.annotations?.[annotationKeys.chunkedPosition];
  const start = Number(position?.split(":")[0]);
  const tables = source.asked.filter(({ whole, offset }) => !whole && offset >= start);
  return tables.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

test("of a part of which few entries differ only their nodes are fetched", async () => {
  const store = await newStore();
  const first = await bringFrom(store, rangeSource(before));
  const plans = await plansOf(store, first.record);
  const partsHere = (): Digest[] => plans.flatMap((plan) => (plan.kind === undefined ? [...plan.blocks] : []));
  const [alone, knowing] = [rangeSource(after), rangeSource(after)];
  await bringFrom(await newStore(), alone);
  const brought = await bringFrom(store, knowing, { partsHere });
  verifyBrought(store, brought, after);
  assert.equal(brought.layers[0]?.fetchedFiles, 2);
  assert.equal(filesOf(store, brought)["usr/share/many/9/new"], "new\n");
  const [all, few] = [tableBytes(alone, after), tableBytes(knowing, after)];
  assert.ok(few < all / 3, `${few} bytes of tables, ${all} without knowing any`);
});

test("an index that lies is found out, and the layer comes another way", async () => {
  const annotations = before.layers[0]?.descriptor.annotations ?? {};
  const text = annotations[annotationKeys.layerIndex] as string;
  const index = parseLayerIndex(text);
  const [first, ...others] = index.parts as [IndexPart, ...IndexPart[]];
  const lies = [
    "nonsense",
    text.slice(0, -8),
    encodeLayerIndex({ ...index, headBytes: index.headBytes + 1 }),
    encodeLayerIndex({ ...index, parts: others }),
    encodeLayerIndex({ ...index, parts: [...others, first] }),
    encodeLayerIndex({ ...index, parts: [{ ...first, prefix: "00".repeat(8) as DigestPrefix }, ...others] }),
    encodeLayerIndex({ ...index, parts: [...index.parts, ...index.parts] }),
  ];
  for (const lie of lies) {
    const lying = withAnnotations(before, { ...annotations, [annotationKeys.layerIndex]: lie });
    const store = await newStore();
    const brought = await bringFrom(store, rangeSource(lying));
    verifyBrought(store, brought, lying);
    assert.equal(Object.keys(filesOf(store, brought)).length, 1001);
    assert.equal(brought.layers[0]?.way, "whole");
  }
});

/** The store, with a step that is done for each look-up. */
function watched(store: Store, onLook: (key: string, digest: unknown) => void): Store {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        onLook(String(key), args[0]);
        return Reflect.apply(value, target, args);
      };
    },
  });
}

test("an index that names a part many times, or a large file as one, costs neither time nor memory", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(before));
  const large = store.put(new Uint8Array(40 << 20)).digest;
  const annotations = before.layers[0]?.descriptor.annotations ?? {};
  const index = parseLayerIndex(annotations[annotationKeys.layerIndex] as string);
  const most = index.parts.reduce((a, b) => (b.nodes.length > a.nodes.length ? b : a));
  const short = most.nodes.map((node) => ({ ...node, storedBytes: 1 }));
  const lies = [
    Array.from({ length: 300 }, () => ({ ...most, nodes: short })),
    Array.from({ length: 2_500 }, () => ({ ...most, nodes: short.slice(0, 1) })),
    [{ prefix: prefixOf(large), nodes: [{ prefix: prefixOf(large), storedBytes: 1 }] }],
  ];
  for (const parts of lies) {
    const text = encodeLayerIndex({ ...index, parts });
    const lying = withAnnotations(before, { ...annotations, [annotationKeys.layerIndex]: text });
    const [layer] = lying.layers as [Layer];
    let looks = 0;
    const counting = watched(store, (key, digest) => {
      looks++;
      assert.ok(digest !== large || key === "info", `${key} of the large file`);
    });
    const tables = { store: counting, source: rangeSource(lying), layer, isOurs: true, partsHere: () => [] };
    await readIndexedLayer(tables).catch((error: unknown) => assert.ok(isAshlarError(error), String(error)));
    assert.ok(looks < 5_000, `${looks} look-ups`);
  }
});
