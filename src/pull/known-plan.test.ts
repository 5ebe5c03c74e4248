// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "../store/index.ts";
import { damageContent } from "../store/testing/damage-content.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { sample } from "../store/testing/sample.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { chunkedImage, otherCompressor, withAnnotations } from "./testing/chunked-image.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const freshDir = freshDirs();
const payload = sample(3, 9_000);

for (const compressor of [await loadCompressor(), otherCompressor]) {
  test(`a known layer of which a file was lost is brought again (${compressor.id.slice(0, 9)})`, async () => {
    const image = await chunkedImage({ layers: [[{ "etc/one": "one\n", "opt/payload": payload }]], compressor });
    const dir = freshDir();
    const store = openStore(dir, { compressor: await loadCompressor() });
    await bringFrom(store, rangeSource(image));
    damageContent(dir, store, payload);
    store.close();
    const again = openStore(dir, { compressor: await loadCompressor() });
    assert.deepEqual(again.fsck({ full: true, repair: true }).faults.map(({ what }) => what), [digestOf(payload)]);
    const brought = await bringFrom(again, rangeSource(image));
    assert.equal(filesOf(again, brought)["opt/payload"], Buffer.from(payload).toString("latin1"));
    verifyBrought(again, brought, image);
    again.close();
  });
}

test("a known layer is described as the image says that is asked for, not as one that had it before", async () => {
  const image = await chunkedImage({ layers: [[{ "opt/payload": payload }]], compressor: otherCompressor });
  const own = image.layers[0]?.descriptor.annotations ?? {};
  const store = await newStore();
  const lying = withAnnotations(image, { ...own, "some.other/table": "lies" });
  await bringFrom(store, rangeSource(lying));
  const brought = await bringFrom(store, rangeSource(image));
  assert.deepEqual(brought.layers.map(({ way }) => way), ["known"]);
  const [plan] = readForeignRecord(store, brought.record).layers;
  assert.ok(plan?.kind === "tar");
  assert.deepEqual(plan.annotations, own);
});
