// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";
import { relistedImage } from "./testing/relisted-image.ts";

const known = "x".repeat(2048);

test("sizes that a table gives to contents that are here do not hide files", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(await chunkedImage({ layers: [[{ a: known }]], compressor: otherCompressor })));
  const files = { "opt/x": known, "opt/y": "hidden\n", "opt/z": "" };
  const honest = await chunkedImage({ layers: [[files]], compressor: otherCompressor });
  const lying = await relistedImage(honest, ({ toc, tarSplit }) => ({
    toc: toc.map((entry) => (entry["name"] === "opt/x" ? { ...entry, size: 512 } : entry)),
    tarSplit: tarSplit.map((line) => (line["name"] === "opt/x" ? { ...line, size: 512 } : line)),
  }));
  const brought = await bringFrom(store, rangeSource(lying));
  verifyBrought(store, brought, lying);
  assert.deepEqual(filesOf(store, brought), files);
});
