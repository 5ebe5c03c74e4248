// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { readForeignRecord } from "./foreign-record.ts";
import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { bringFrom, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const layers = [[{ "etc/one": "one\n" }], [{ "etc/two": "two\n" }]];
const image = await chunkedImage({ layers, compressor: otherCompressor });

test("blobs that only their writer can make are kept where asked for, also where files would do", async () => {
  const store = await newStore();
  const brought = await bringFrom(store, rangeSource(image), { keepBlobs: true });
  verifyBrought(store, brought, image);
  const plans = readForeignRecord(store, brought.record).layers;
  assert.ok(plans.every((plan) => plan.kind === "tar" && plan.hasBlob));
});

test("a layer that is known by its files alone is brought again where its blob is to be kept", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(image));
  const brought = await bringFrom(store, rangeSource(image), { keepBlobs: true });
  const plans = readForeignRecord(store, brought.record).layers;
  assert.ok(plans.every((plan) => plan.kind === "tar" && plan.hasBlob));
  const again = await bringFrom(store, rangeSource(image));
  assert.deepEqual(again.layers.map(({ way }) => way), ["known", "known"]);
});
