// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError, digestOf, isAshlarError, limits } from "../base/index.ts";
import { type Descriptor, sourceOf } from "../oci/index.ts";
import { sampleImage } from "../registry/testing/sample-image.ts";
import { inPack } from "../store/index.ts";
import { sample } from "../store/testing/sample.ts";
import { chunkedImage, otherCompressor } from "./testing/chunked-image.ts";
import { rangeSource } from "./testing/range-source.ts";
import { bringFrom, filesOf, newStore, verifyBrought } from "./testing/pull-rig.ts";

const bytes = (seed: number, size: number): Uint8Array => sample(seed, size);
const tools = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`usr/bin/tool${i}`, bytes(i, 3_000)]));
const base = { "etc/os-release": "ID=sample\n", "usr/lib/big": bytes(99, 20_000) };
const before = await chunkedImage({ layers: [[base, tools], [{ "srv/app": "one\n" }]] });
const after = await chunkedImage({
  layers: [[base, { ...tools, "usr/bin/tool7": bytes(7_000, 2_500) }], [{ "srv/app": "two\n", "srv/new": "new\n" }]],
});

test("bringImage brings a chunked image by its files, each once", async () => {
  const store = await newStore();
  const source = rangeSource(before);
  const brought = await bringFrom(store, source);
  verifyBrought(store, brought, before);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["files", "files"]);
  const files = filesOf(store, brought);
  assert.equal(files["etc/os-release"], "ID=sample\n");
  assert.equal(Object.keys(files).length, 43);
  assert.ok(source.asked.every(({ whole, descriptor }) => !whole || descriptor.mediaType.includes("config")));
});

test("bringImage fetches only what the store has not, from another image too", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(before));
  const source = rangeSource(after);
  const brought = await bringFrom(store, source);
  verifyBrought(store, brought, after);
  assert.equal(brought.layers.reduce((sum, { fetchedFiles }) => sum + fetchedFiles, 0), 3);
  assert.equal(filesOf(store, brought)["srv/app"], "two\n");
  const fetched = source.asked.filter(({ whole }) => !whole).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  const tables = after.layers.reduce((sum, { descriptor }) => sum + tableBytes(descriptor.annotations ?? {}), 0);
  assert.ok(fetched < tables + 2_500 + 300, `${fetched} bytes, the tables have ${tables}`);
});

function tableBytes(annotations: Readonly<Record<string, string>>): number {
  const sizes = Object.entries(annotations).filter(([key]) => key.endsWith("-position"));
  return sizes.reduce((sum, [, text]) => sum + Number(text.split(":")[1]) + 8, 0);
}

test("bringImage asks for nothing of layers that are here", async () => {
  const store = await newStore();
  await bringFrom(store, rangeSource(before));
  const source = rangeSource(before);
  const brought = await bringFrom(store, source);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["known", "known"]);
  assert.equal(source.asked.filter(({ whole }) => !whole).length, 0);
});

test("bringImage keeps frames of another compressor as they came", async () => {
  const store = await newStore();
  const image = await chunkedImage({ layers: [[base]], compressor: otherCompressor });
  const brought = await bringFrom(store, rangeSource(image));
  verifyBrought(store, brought, image);
  const info = store.info(digestOf(base["usr/lib/big"]));
  assert.equal(info?.compressor, "zstd-elsewhere");
  assert.equal(info?.frames[0]?.storedBytes, otherCompressor.compress(base["usr/lib/big"]).length);
});

test("bringImage fetches a frame that is here only as others joined", async () => {
  const store = await newStore();
  const frame = bytes(1, limits.frameBytesMax);
  inPack(store, (pack) => pack.putJoined([frame.subarray(0, 5_000), frame.subarray(5_000)]));
  const large = Buffer.concat([frame, bytes(2, 10)]);
  const image = await chunkedImage({ layers: [[{ large }]], compressor: otherCompressor });
  const brought = await bringFrom(store, rangeSource(image));
  verifyBrought(store, brought, image);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["files"]);
  assert.equal(digestOf(store.read(digestOf(large))), digestOf(large));
});

for (const form of ["none", "gzip", "zstd"] as const) {
  test(`bringImage reads ${form} layers whole, once, and knows their files afterwards`, async () => {
    const store = await newStore();
    const image = sampleImage(form);
    const source = rangeSource(image);
    const brought = await bringFrom(store, source);
    verifyBrought(store, brought, image);
    assert.deepEqual(brought.layers.map(({ way }) => way), ["whole", "whole"]);
    assert.deepEqual(filesOf(store, brought), { "etc/note": "note \n", "etc/os-release": "ID=sample\n" });
    assert.ok(store.has(digestOf("x")), "a file that a higher layer hides is kept too");
    const again = await bringFrom(store, rangeSource(image));
    assert.deepEqual(again.layers.map(({ way }) => way), ["known", "known"]);
  });
}

test("bringImage reads layers whole where the place turns out to give no parts", async () => {
  const store = await newStore();
  const source = rangeSource(before, { noRanges: true });
  const brought = await bringFrom(store, source);
  verifyBrought(store, brought, before);
  assert.deepEqual(brought.layers.map(({ way }) => way), ["whole", "whole"]);
  assert.match(brought.layers[0]?.why ?? "", /part of a blob/);
});

test("bringImage reads a layer whole whose parts are not what its tables say", async () => {
  for (const place of [0, 40, 900]) {
    const change = (part: Uint8Array): Uint8Array => {
      const changed = Uint8Array.from(part);
      const at = Math.min(place, changed.length - 1);
      changed[at] = (changed[at] as number) ^ 1;
      return changed;
    };
    const store = await newStore();
    const brought = await bringFrom(store, rangeSource(before, { change }));
    verifyBrought(store, brought, before);
    assert.deepEqual(brought.layers.map(({ way }) => way), ["whole", "whole"]);
  }
});

test("bringImage refuses a blob whose bytes are others, by parts and whole", async () => {
  const honest = sourceOf(before);
  const lying = { ...rangeSource(before, { noRanges: true }), blob: honest.blob };
  const source = {
    ...lying,
    async *blob(descriptor: Parameters<typeof honest.blob>[0]) {
      let first = true;
      for await (const piece of honest.blob(descriptor)) {
        const changed = Uint8Array.from(piece);
        if (first && descriptor.mediaType.includes("layer")) changed[10] = (changed[10] as number) ^ 1;
        first = false;
        yield changed;
      }
    },
  };
  const store = await newStore();
  await assert.rejects(bringFrom(store, source), (error) => isAshlarError(error));
  assert.deepEqual(store.listRefs(), []);
});

test("bringImage goes on where it was cut, at any byte, and fetches no frame twice", async () => {
  const total = await totalOf();
  const tables = before.layers.reduce((sum, { descriptor }) => sum + tableBytes(descriptor.annotations ?? {}), 0);
  for (let cut = 500; cut < total; cut += Math.ceil(total / 25)) {
    const store = await newStore();
    const first = rangeSource(before, { cutAfterBytes: cut });
    await assert.rejects(bringFrom(store, first), (error) => isAshlarError(error, "REGISTRY_CUT"));
    const second = rangeSource(before);
    verifyBrought(store, await bringFrom(store, second), before);
    const sent = [...first.asked, ...second.asked].filter(({ whole }) => !whole);
    const frames = sent.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    // The tables are asked for again; of the data, what was in flight: one frame of each layer.
    assert.ok(frames < total + tables + 20_100 + 3_100, `cut at ${cut}: ${frames} of ${total}`);
  }
});

async function totalOf(): Promise<number> {
  const source = rangeSource(before);
  await bringFrom(await newStore(), source);
  return source.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

test("bringImage goes on inside a large file, from piece to piece", async () => {
  const large = bytes(5, 13 << 20);
  const image = await chunkedImage({ layers: [[{ "opt/large": large }]] });
  const store = await newStore();
  const first = rangeSource(image, { cutAfterBytes: 9 << 20 });
  await assert.rejects(bringFrom(store, first), (error) => isAshlarError(error, "REGISTRY_CUT"));
  const second = rangeSource(image);
  verifyBrought(store, await bringFrom(store, second), image);
  assert.deepEqual(Buffer.from(store.read(digestOf(large))), Buffer.from(large));
  const sent = second.asked.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  assert.ok(sent < (6 << 20), `${sent} bytes after the cut`);
});

test("bringImage goes on inside a blob that is read whole", async () => {
  const image = sampleImage("gzip", "x".repeat(40_000) + Buffer.from(bytes(6, 60_000)).toString("base64"));
  const store = await newStore();
  const first = rangeSource(image, { cutAfterBytes: 60_000 });
  await assert.rejects(bringFrom(store, first), (error) => isAshlarError(error, "REGISTRY_CUT"));
  const second = rangeSource(image);
  verifyBrought(store, await bringFrom(store, second), image);
  const blobs = image.layers.reduce((sum, { descriptor }) => sum + descriptor.sizeBytes, 0);
  const sent = [...first.asked, ...second.asked].reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  assert.ok(sent < blobs + 3_000, `${sent} bytes of ${blobs}`);
});

test("bringImage does not go on from bytes that no layer begins with", async () => {
  const image = sampleImage("gzip", Buffer.from(bytes(8, 60_000)).toString("base64"));
  const store = await newStore();
  const garbage = {
    ...rangeSource(image),
    async *blob(descriptor: Descriptor) {
      if (!descriptor.mediaType.includes("layer")) return yield* sourceOf(image).blob(descriptor);
      yield Buffer.from("<html>Please log in to this network</html>".repeat(10));
      throw new AshlarError("REGISTRY_CUT", "Cannot read blob: the connection broke");
    },
  };
  await assert.rejects(bringFrom(store, garbage), (error) => isAshlarError(error));
  verifyBrought(store, await bringFrom(store, rangeSource(image)), image);
});
