// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf, isAshlarError } from "../base/index.ts";
import {
  type Descriptor,
  type ImageSource,
  type ImageTarget,
  openLayerTar,
  parsePlatform,
  sourceOf,
} from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { readImage } from "./read-image.ts";
import { sampleReferrer, withReferrers } from "./testing/referrers.ts";
import { sampleImage, sampleIndex } from "./testing/sample-image.ts";

export interface PlaceUnderTest {
  readonly name: string;
  /** A new empty place; `source` may be opened only after `finish`, and any number of times. */
  readonly make: () => { readonly target: ImageTarget; readonly source: () => ImageSource };
  /** False where manifests are made anew and layers stored uncompressed. */
  readonly keepsManifests: boolean;
  /** True where images are found by tag or digest only, and tags are no names with tags of their own. */
  readonly isRepository?: boolean;
}

async function diffIdsOf(source: ImageSource, tag?: string): Promise<Digest[]> {
  const image = await readImage(source, { tag });
  const diffIds: Digest[] = [];
  for (const layer of image.layers) {
    for await (const _ of openLayerTar(layer));
    diffIds.push(layer.diffId);
  }
  return diffIds;
}

async function* text(value: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(value);
}

/** What every place must do. */
export function testPlace({ name, make, keepsManifests, isRepository = false }: PlaceUnderTest): void {
  const tag = (text: string): string => (isRepository ? text.replace(/\W/g, "-") : text);
  /** How an image without a tag is found: it is the only one, or by its digest. */
  const untagged = ({ digest }: Descriptor): string | undefined => (isRepository ? digest : undefined);
  for (const form of ["none", "gzip", "zstd"] as const) {
    test(`${name} gives back an image with ${form} layers: config, manifest and every layer`, async () => {
      const { target, source } = make();
      const image = sampleImage(form);
      await copyImage(sourceOf(image), target, { tag: tag("x/app:1") });
      await target.finish();
      const found = await readImage(source(), { tag: tag("x/app:1") });
      assert.deepEqual(Buffer.from(found.config), Buffer.from(image.config));
      assert.deepEqual(await diffIdsOf(source(), tag("x/app:1")), image.layers.map((layer) => layer.diffId));
      if (keepsManifests) assert.equal(found.manifestDescriptor.digest, image.manifestDescriptor.digest);
    });
  }

  test(`${name} holds several tags, and a tag moves`, async () => {
    const { target, source } = make();
    const [one, two] = [sampleImage("gzip", "one"), sampleImage("gzip", "two")];
    await copyImage(sourceOf(one), target, { tag: tag("a:1") });
    await copyImage(sourceOf(one), target, { tag: tag("a:2") });
    await copyImage(sourceOf(two), target, { tag: tag("a:1") });
    await target.finish();
    assert.deepEqual(await diffIdsOf(source(), tag("a:1")), two.layers.map((layer) => layer.diffId));
    assert.deepEqual(await diffIdsOf(source(), tag("a:2")), one.layers.map((layer) => layer.diffId));
    const none = isRepository ? "OCI_IMAGE_MISSING" : "OCI_IMAGE_AMBIGUOUS";
    await assert.rejects(source().resolve(), (error) => isAshlarError(error, none));
    await assert.rejects(source().resolve(tag("a:3")), (error) => isAshlarError(error, "OCI_IMAGE_MISSING"));
  });

  test(`${name} keeps an image without a tag`, async () => {
    const { target, source } = make();
    const copied = await copyImage(sourceOf(sampleImage("none")), target);
    await target.finish();
    assert.equal((await diffIdsOf(source(), untagged(copied))).length, 2);
  });

  test(`${name} has a blob only after it was written whole`, async () => {
    const { target } = make();
    const image = sampleImage("gzip");
    const [layer] = image.layers;
    assert.ok(layer);
    assert.equal(await target.has(layer.descriptor), false);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("x");
      throw new Error("cut off");
    }
    await assert.rejects(target.writeBlob(layer.descriptor, broken()));
    assert.equal(await target.has(layer.descriptor), false);
    await target.writeBlob(layer.descriptor, layer.open());
    assert.equal(await target.has(layer.descriptor), true);
    await target.abort();
  });

  test(`${name} copies on to another place without a change`, async () => {
    const { target, source } = make();
    const image = sampleImage("zstd");
    await copyImage(sourceOf(image), target, { tag: tag("a:1") });
    await target.finish();
    const next = make();
    await copyImage(source(), next.target, { from: tag("a:1"), tag: tag("a:1") });
    await next.target.finish();
    assert.deepEqual(await next.source().resolve(tag("a:1")), await source().resolve(tag("a:1")));
  });

  test(`${name} says which blob it lacks`, async () => {
    const { target, source } = make();
    await copyImage(sourceOf(sampleImage("none")), target);
    await target.finish();
    const absent = { mediaType: "a/b", digest: digestOf("absent"), sizeBytes: 6 };
    const missing = (error: unknown): boolean => isAshlarError(error, "OCI_BLOB_MISSING");
    await assert.rejects(source().manifest(absent), missing);
    await assert.rejects(async () => {
      for await (const _ of source().blob(absent));
    }, missing);
  });

  test(`${name} does not take a copy whose bytes are others than described`, async () => {
    const { target } = make();
    const image = sampleImage("none");
    const honest = sourceOf(image);
    const lied = image.layers[0]?.descriptor;
    const lying = (bytes: string): ImageSource => ({
      ...honest,
      blob: (descriptor) => (descriptor.digest === lied?.digest ? text(bytes) : honest.blob(descriptor)),
    });
    const size = lied?.sizeBytes ?? 0;
    await assert.rejects(
      copyImage(lying("x".repeat(size)), target),
      (error) => isAshlarError(error, "OCI_BLOB_DIGEST"),
    );
    await assert.rejects(
      copyImage(lying("x".repeat(size + 1)), target),
      (error) => isAshlarError(error, "OCI_BLOB_SIZE"),
    );
    await assert.rejects(copyImage(lying("x"), target), (error) => isAshlarError(error, "OCI_BLOB_SIZE"));
    await target.abort();
  });

  test(`${name} takes one platform of an index`, async () => {
    const { target, source } = make();
    const index = sampleIndex("gzip");
    const copied = await copyImage(sourceOf(index), target, { platform: parsePlatform("linux/arm64") });
    await target.finish();
    const found = await readImage(source(), { tag: untagged(copied) });
    assert.deepEqual(found.platform, { os: "linux", architecture: "arm64" });
  });

  if (keepsManifests) testIndexes(name, make);
  if (keepsManifests) testReferrers(name, make, isRepository ? "signed" : undefined);
}

function testIndexes(name: string, make: PlaceUnderTest["make"]): void {
  test(`${name} keeps an index with all its images`, async () => {
    const { target, source } = make();
    const index = sampleIndex("zstd");
    const copied = await copyImage(sourceOf(index), target, { tag: "multi" });
    await target.finish();
    assert.equal(copied.digest, index.indexDescriptor.digest);
    assert.equal((await source().resolve("multi")).digest, index.indexDescriptor.digest);
    const arm = await readImage(source(), { tag: "multi", platform: parsePlatform("linux/arm64") });
    assert.equal(arm.manifestDescriptor.digest, index.images[1]?.manifestDescriptor.digest);
    const noChoice = (error: unknown): boolean => isAshlarError(error, "OCI_PLATFORM_MISSING");
    await assert.rejects(readImage(source(), { tag: "multi" }), noChoice);
  });
}

function testReferrers(name: string, make: PlaceUnderTest["make"], tag: string | undefined): void {
  test(`${name} keeps what names an image as its subject, and the image alone is found beside it`, async () => {
    const { target, source } = make();
    const image = sampleImage("gzip");
    const [one, other] = ["one", "other"].map((note) => sampleReferrer(image.manifestDescriptor, note));
    const given = [one, other].flatMap((note) => (note === undefined ? [] : [note]));
    const from = withReferrers(sourceOf(image), given.map((note) => [image.manifestDescriptor, note] as const));
    await copyImage(from, target, { tag: "signed", referrers: true });
    await target.finish();
    const found = (await source().referrers?.(image.manifestDescriptor)) ?? [];
    const digests = given.map(({ descriptor }) => descriptor.digest).sort();
    assert.deepEqual(found.map(({ digest }) => digest).sort(), digests);
    assert.deepEqual(new Set(found.map(({ artifactType }) => artifactType)), new Set([one?.descriptor.artifactType]));
    assert.deepEqual(new Set(found.map(({ annotations }) => annotations?.["note"])), new Set(["one", "other"]));
    assert.equal((await source().resolve(tag)).digest, image.manifestDescriptor.digest);
  });
}
