// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

for (const refs of ["refs.log", "refs.sqlite"]) {
  test(`a copy of format, packs and ${refs} is a store`, () => {
    const [dir, copy] = [freshDir(), freshDir()];
    const store = openStore(dir, { compressor });
    const record = store.putRecord("kept", {});
    store.setRef("image/kept", record);
    store.close();
    mkdirSync(copy, { mode: 0o700 });
    for (const name of ["format", "packs", refs]) cpSync(join(dir, name), join(copy, name), { recursive: true });
    const restored = openStore(copy, { compressor });
    assert.equal(restored.getRef("image/kept"), record);
    restored.put(Buffer.from("more"));
    restored.fsck({ full: true, repair: true });
    assert.deepEqual(restored.fsck({ full: true }).faults, []);
    restored.gc({});
    assert.equal(restored.readRecord(record).value, "kept");
    restored.close();
  });
}
