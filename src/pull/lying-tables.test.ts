// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf, emptyDigest, parsePath } from "../base/index.ts";
import { type Entry, parseTree, type Tree } from "../formats/index.ts";
import { planReaches } from "../layer/index.ts";
import { annotationKeys } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { hasCode, sample } from "../store/testing/sample.ts";
import type { BroughtImage } from "./bring-image.ts";
import { readForeignRecord } from "./foreign-record.ts";
import { chunkedImage, otherCompressor, withAnnotations } from "./testing/chunked-image.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";
import { rangeSource } from "./testing/range-source.ts";
import { reindexedImage, relistedImage } from "./testing/relisted-image.ts";

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

/** Everything that a brought image's record names must be readable by the next process too. */
function verifyTrees(store: Store, { record }: BroughtImage): void {
  const { layers, flat } = readForeignRecord(store, record);
  for (const tree of [flat, ...planReaches(layers).trees]) parseTree(store.read(tree));
}

test("trees of an index that no reader would take are not kept", async () => {
  const store = await newStore();
  const files = { "opt/x": known, "opt/y": "y\n" };
  const backwards = await chunkedImage({ layers: [[files]], change: (block) => [...block].reverse() });
  const brought = await bringFrom(store, rangeSource(backwards));
  assert.equal(brought.layers[0]?.way, "whole");
  assert.match(brought.layers[0].why ?? "", /order/);
  verifyTrees(store, brought);
  assert.deepEqual(filesOf(store, brought), files);
  const change = (block: Tree): Tree => block.map((entry) => ({ ...entry, uid: 2 ** 40 }));
  const foreign = await chunkedImage({ layers: [[files]], change });
  await assert.rejects(bringFrom(store, rangeSource(foreign)), hasCode("FORMATS_TAR_NUMBER"));
});

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
const file = (path: string, content: Digest, sizeBytes: number): Entry => {
  return { ...meta, type: "file", path: parsePath(path), content, sizeBytes };
};
const opt: Entry = { ...meta, type: "dir", path: parsePath("opt"), mode: 0o755 };
const large = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`user.${i}`, "A".repeat(40_000)]));
const lies: readonly [string, readonly Tree[], RegExp][] = [
  ["another size of a content that is here", [[opt], [file("opt/x", digestOf(known), 512)]], /opt\/x.* 512 bytes/],
  ["a size of the empty content", [[opt], [file("opt/x", emptyDigest, 512)]], /opt\/x.* 512 bytes/],
  ["a file among the directories", [[opt, file("opt/x", digestOf(known), 2048)]], /opt\/x/],
  [
    "more text than a table may have",
    Array.from({ length: 30 }, (_, i) => [{ ...file(`opt/${i}`, emptyDigest, 0), xattrs: large }]),
    /more than/,
  ],
];

for (const [name, parts, why] of lies) {
  test(`an index with ${name} is found out, and the layer is read whole`, async () => {
    const store = await newStore();
    store.put(Buffer.from(known));
    const image = await reindexedImage(await chunkedImage({ layers: [[{ "opt/x": known }]] }), parts);
    const brought = await bringFrom(store, rangeSource(image));
    verifyBrought(store, brought, image);
    assert.equal(brought.layers[0]?.way, "whole");
    assert.match(brought.layers[0].why ?? "", why);
    assert.deepEqual(filesOf(store, brought), { "opt/x": known });
  });
}

test("tables that lie far from each other are not fetched with all that is between", async () => {
  const honest = await chunkedImage({ layers: [[{ "opt/x": sample(1, 300_000) }]], compressor: otherCompressor });
  const own = honest.layers[0]?.descriptor.annotations ?? {};
  const image = withAnnotations(honest, { ...own, [annotationKeys.chunkedPosition]: "8:100:100:1" });
  const source = rangeSource(image);
  const brought = await bringFrom(await newStore(), source);
  assert.match(brought.layers[0]?.why ?? "", /lie between/);
  assert.ok(source.asked.every(({ whole }) => whole));
});

test("layers beyond what tables may take together are read whole", async () => {
  const files = Array.from({ length: 6 }, (_, i) => [{ [`opt/${i}`]: `${i}\n` }]);
  const comment = Buffer.from(sample(2, 768 << 10)).toString("base64").repeat(30);
  const image = await relistedImage(await chunkedImage({ layers: files, compressor: otherCompressor }), (tables) => ({
    ...tables,
    toc: tables.toc.map((entry, i) => (i === 0 ? { ...entry, comment } : entry)),
  }));
  const store = await newStore();
  const brought = await bringFrom(store, rangeSource(image));
  verifyBrought(store, brought, image);
  const whole = brought.layers.filter(({ way }) => way === "whole");
  assert.equal(whole.length, 2);
  assert.match(whole[0]?.why ?? "", /together/);
});
