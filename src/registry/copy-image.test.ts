// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { setImmediate as tick } from "node:timers/promises";
import { test } from "node:test";

import {
  describeBytes,
  type Descriptor,
  encodeIndex,
  type ImageSource,
  type ImageTarget,
  isManifestType,
  mediaTypes,
  sourceOf,
} from "../oci/index.ts";
import { chooseRoot } from "./choose-root.ts";
import { copyImage } from "./copy-image.ts";
import { listBlobs } from "./list-blobs.ts";
import { memoryPlace } from "./memory-place.ts";
import { sampleReferrer, withReferrers } from "./testing/referrers.ts";
import { makeRemoteRig } from "./testing/remote-rig.ts";
import { sampleImage, sampleIndex } from "./testing/sample-image.ts";

const index = sampleIndex("gzip");

/** A place in memory that counts how many blobs it is given at a time. */
function watched(concurrent: boolean): ImageTarget & ImageSource & { most: number; readonly order: string[] } {
  const place = memoryPlace();
  let now = 0;
  return {
    ...place,
    concurrent,
    most: 0,
    order: [],
    async writeBlob(descriptor, bytes) {
      this.most = Math.max(this.most, ++now);
      for (let i = 0; i < 5; i++) await tick();
      await place.writeBlob(descriptor, bytes);
      this.order.push("blob");
      now--;
    },
    async writeManifest(descriptor, bytes, root) {
      await place.writeManifest(descriptor, bytes, root);
      this.order.push(isManifestType(descriptor.mediaType) ? "manifest" : "index");
    },
  };
}

test("copyImage copies several blobs at a time only where the target takes them, and no more than asked", async () => {
  const cases = [[false, 8, 1], [true, 1, 1], [true, 2, 2], [true, undefined, 4]] as const;
  for (const [concurrent, parallel, most] of cases) {
    const target = watched(concurrent);
    await copyImage(sourceOf(index), target, { parallel });
    assert.ok(target.most <= most && (most === 1 || target.most > 1), `${concurrent} ${parallel}: ${target.most}`);
    // Blobs before their manifest, manifests before the index; one blob is in both images.
    assert.equal(target.order.at(-1), "index");
    assert.equal(target.order.filter((kind) => kind === "manifest").length, 2);
    assert.ok(target.order.indexOf("manifest") >= 3, target.order.join());
  }
});

test("copyImage ends what is under way after the first fault, and throws that", async () => {
  const target = watched(true);
  const source = sourceOf(index);
  const [bad] = index.images.flatMap(({ layers }) => layers);
  let pieces = 0;
  const failing: ImageSource = {
    ...source,
    async *blob(descriptor: Descriptor) {
      if (descriptor.digest === bad?.descriptor.digest) throw new Error("the first fault");
      for (;;) {
        await tick();
        if (++pieces > 100_000) throw new Error("nobody stopped");
        yield new Uint8Array(0);
      }
    },
  };
  await assert.rejects(copyImage(failing, target), /the first fault/);
});

test("copyImage takes referrers along, and theirs, between registries with and without the API", async () => {
  const image = sampleImage("none");
  const signature = sampleReferrer(image.manifestDescriptor, "signature");
  const countersign = sampleReferrer(signature.descriptor, "countersign");
  const circle = withReferrers(sourceOf(image), [
    [image.manifestDescriptor, signature],
    [signature.descriptor, countersign],
    [countersign.descriptor, signature],
  ]);
  for (const referrersApi of [true, false]) {
    await using from = await makeRemoteRig({ referrersApi });
    await using to = await makeRemoteRig({ referrersApi: !referrersApi });
    await copyImage(circle, from.open(), { referrers: true });
    const target = to.open();
    const { digest } = image.manifestDescriptor;
    await copyImage(from.open(), target, { from: digest, tag: "1", referrers: true });
    await target.finish();
    assert.deepEqual(await to.open().referrers(image.manifestDescriptor), [signature.descriptor]);
    assert.deepEqual(await to.open().referrers(signature.descriptor), [countersign.descriptor]);
    await using plain = await makeRemoteRig();
    await copyImage(from.open(), plain.open(), { from: digest });
    assert.deepEqual(await plain.open().referrers(image.manifestDescriptor), []);
  }
});

test("listBlobs names what a copy sends, each once", async () => {
  const seen = new Set<string>();
  const onBlob = ({ digest, mediaType }: Descriptor): void => {
    if (!isManifestType(mediaType) && digest !== index.indexDescriptor.digest) seen.add(digest);
  };
  let bytes = 0;
  await copyImage(sourceOf(index), memoryPlace(), { onBlob, onBytes: (count) => (bytes += count) });
  const listed = await listBlobs(sourceOf(index), index.indexDescriptor);
  assert.deepEqual(new Set(listed.map(({ digest }) => digest)), seen);
  assert.equal(listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), bytes);
  const arm = await chooseRoot(sourceOf(index), { platform: { os: "linux", architecture: "arm64" } });
  assert.ok((await listBlobs(sourceOf(index), arm)).length < listed.length);
});

test("an index that names one thing a thousand times on each level is read once on each", async () => {
  const image = sampleImage("none");
  const documents = new Map([[image.manifestDescriptor.digest, image.manifest]]);
  let child = image.manifestDescriptor;
  for (let level = 0; level < 4; level++) {
    const manifests = Array.from({ length: 1000 }, () => child);
    const bytes = encodeIndex({ mediaType: mediaTypes.index, manifests });
    child = describeBytes(mediaTypes.index, bytes);
    documents.set(child.digest, bytes);
  }
  let reads = 0;
  const source: ImageSource = {
    ...sourceOf(image),
    resolve: async () => child,
    async manifest({ digest }) {
      if (++reads > 1000) throw new Error("read too often");
      return documents.get(digest) as Uint8Array;
    },
  };
  assert.equal((await listBlobs(source, child)).length, image.layers.length + 1);
  assert.equal(reads, 5);
  await copyImage(source, watched(true));
  assert.equal(reads, 10);
});

test("chooseRoot refuses a single image of another platform than asked for", async () => {
  const image = sampleImage("none");
  const { os, architecture } = image.platform;
  assert.deepEqual(await chooseRoot(sourceOf(image), { platform: { os, architecture } }), image.manifestDescriptor);
  const other = copyImage(sourceOf(image), memoryPlace(), { platform: { os, architecture: "s390x" } });
  await assert.rejects(other, { code: "OCI_PLATFORM_MISSING" });
});
