// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { annotationKeys, type Image, mediaTypes, sourceOf } from "../oci/index.ts";
import { chunkedImage } from "../pull/testing/chunked-image.ts";
import { rangeSource } from "../pull/testing/range-source.ts";
import { readImage } from "../registry/index.ts";
import { sampleImage } from "../registry/testing/sample-image.ts";
import { memoryStore } from "../store/index.ts";
import { sample } from "../store/testing/sample.ts";
import { plainSource } from "./plain-source.ts";
import { pullImage } from "./pull-image.ts";
import { progress } from "./testing/base-rig.ts";

const ours = await chunkedImage({ layers: [[{ "opt/a": sample(1, 70_000) }], [{ "opt/b": "b\n" }]] });
const images: Readonly<Record<string, Image>> = { others: sampleImage("gzip"), ours };

for (const [whose, image] of Object.entries(images)) {
  test(`plainSource gives an image of ${whose} with the same config and its layers as plain tars`, async () => {
    const store = memoryStore({ compressor: await loadCompressor() });
    const source = whose === "ours" ? rangeSource(image) : sourceOf(image);
    const pulling = { store, source, name: "sample", platforms: "all", keepBlobs: false, progress } as const;
    const [pulled] = (await pullImage(pulling)).record.images;
    const plain = await plainSource(store, pulled?.record ?? digestOf("none"));
    const read = await readImage(plain);
    assert.deepEqual(Buffer.from(read.config), Buffer.from(image.config));
    assert.equal(read.parsedManifest.annotations?.[annotationKeys.compressor], undefined);
    for (const [i, { descriptor, open }] of read.layers.entries()) {
      const pieces: Uint8Array[] = [];
      for await (const piece of open()) pieces.push(Uint8Array.from(piece));
      const tar = Buffer.concat(pieces);
      assert.equal(digestOf(tar), image.layers[i]?.diffId);
      const { diffId: digest } = image.layers[i] ?? {};
      assert.deepEqual(descriptor, { mediaType: mediaTypes.layer, digest, sizeBytes: tar.length });
    }
  });
}
