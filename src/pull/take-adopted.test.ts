// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { sample } from "../store/testing/sample.ts";
import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { bringFrom, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-take-adopted-"));
after(() => rmSync(root, { recursive: true }));

const files = {
  "usr/bin/large": sample(1, 9 << 20),
  "usr/bin/small": sample(2, 5_000),
  "usr/share/changed": "as it was",
  "usr/share/other": sample(3, 70_000),
};

for (const [name, compressor] of [["ours", undefined], ["somebody's", otherCompressor]] as const) {
  test(`a pull of a layer of ${name} fetches no file that an adopted one holds`, async () => {
    const image = await chunkedImage({ layers: [[files]], ...(compressor === undefined ? {} : { compressor }) });
    const dir = mkdtempSync(join(root, "host-"));
    mkdirSync(join(dir, "lib"));
    writeFileSync(join(dir, "lib/elsewhere"), files["usr/bin/large"]);
    writeFileSync(join(dir, "small"), files["usr/bin/small"]);
    writeFileSync(join(dir, "changed"), files["usr/share/changed"]);
    const store = await newStore();
    store.adopted.add(dir);
    writeFileSync(join(dir, "changed"), "as it is!");
    const source = rangeSource(image);
    const brought = await bringFrom(store, source);
    verifyBrought(store, brought, image);
    assert.deepEqual([brought.layers[0]?.way, brought.layers[0]?.fetchedFiles], ["files", 2]);
    const sent = source.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    assert.ok(sent < 100_000, `${sent} bytes`);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    assert.deepEqual(store.adopted.list().map((adopted) => adopted.files), [2]);
  });
}
