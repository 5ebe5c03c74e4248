// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, hasCode, plainMeta } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

test("checkout keeps, leaves out or refuses devices, as it is told", () => {
  const store = openStore(freshDir(), { compressor });
  const isRoot = process.geteuid?.() === 0;
  const device = { ...plainMeta, type: "char", path: "null" as never, major: 1, minor: 3 } as const;
  const digest = store.putTree(makeTree([device, fileEntry(store, "f", Buffer.from("x"))]));
  const dir = freshDir();
  const refused = (): unknown => store.checkout(digest, dir, { mode: "link", devices: "fail" });
  assert.throws(refused, hasCode("POLICY_DEVICE"));
  assert.deepEqual(readdirSync(dir), []);
  for (const [devices, made] of [[undefined, isRoot], ["skip", false], ["keep", isRoot]] as const) {
    const { skipped } = store.checkout(digest, dir, { mode: "link", devices, update: true });
    assert.deepEqual([existsSync(join(dir, "null")), skipped.length], [made, made ? 0 : 1], devices);
  }
  const update = (): unknown => store.checkout(digest, dir, { mode: "link", devices: "fail", update: true });
  assert.throws(update, hasCode("POLICY_DEVICE"));
  assert.equal(existsSync(join(dir, "f")), true);
  store.close();
});
