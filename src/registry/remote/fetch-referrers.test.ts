// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf } from "../../base/index.ts";
import { type Descriptor, describeBytes, encodeIndex, mediaTypes, parseIndex, sourceOf } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { sampleReferrer, writeReferrer } from "../testing/referrers.ts";
import { makeRemoteRig, refuses, type RemoteRig } from "../testing/remote-rig.ts";
import { sampleImage } from "../testing/sample-image.ts";
import type { TestRegistryOptions } from "../testing/test-registry.ts";

const image = sampleImage("none");
const subject = image.manifestDescriptor;
const notes = ["one", "two", "three"].map((note) => sampleReferrer(subject, note));
const byDigest = (descriptors: readonly Descriptor[]): Descriptor[] =>
  [...descriptors].sort((a, b) => (a.digest < b.digest ? -1 : 1));
const expected = byDigest(notes.map(({ descriptor }) => descriptor));

async function rigWithNotes(options: TestRegistryOptions = {}): Promise<RemoteRig> {
  const rig = await makeRemoteRig(options);
  const place = rig.open();
  await copyImage(sourceOf(image), place, { tag: "1" });
  await Promise.all(notes.map((note) => writeReferrer(place, note)));
  await place.finish();
  rig.registry.requests.length = 0;
  return rig;
}

const fallback = `sha256-${subject.digest.slice(7)}`;

test("referrers come from the API, page by page", async () => {
  await using rig = await rigWithNotes({ pageSize: 2 });
  assert.deepEqual(byDigest(await rig.open().referrers(subject)), expected);
  assert.equal(rig.registry.requests.length, 2);
  assert.equal(rig.registry.repositories.get("team/app")?.tags.has(fallback), false);
  assert.deepEqual(await rig.open().referrers({ ...subject, digest: digestOf("other") }), []);
});

test("without the API they are listed under a tag, all of them though written at the same time", async () => {
  await using rig = await rigWithNotes({ referrersApi: false });
  assert.equal(rig.registry.repositories.get("team/app")?.tags.has(fallback), true);
  assert.deepEqual(byDigest(await rig.open().referrers(subject)), expected);
  assert.deepEqual(await rig.open().referrers({ ...subject, digest: digestOf("other") }), []);
});

test("a registry that answers the API by a page, or refuses it, has none", async () => {
  await using rig = await rigWithNotes({ referrersApi: false });
  const isApi = (path: string): boolean => path.includes("/referrers/");
  for (const answer of [{ status: 200, body: "<html>" }, { status: 405 }, { status: 400 }, { status: 501 }]) {
    rig.registry.options = { mischief: ({ path }) => (isApi(path) ? answer : undefined) };
    assert.deepEqual(byDigest(await rig.open().referrers(subject)), expected);
  }
  rig.registry.options = { mischief: ({ path }) => (isApi(path) ? { status: 403 } : undefined) };
  await assert.rejects(rig.open().referrers(subject), refuses("REGISTRY_DENIED"));
});

/** Writes an index under the fall-back tag by the back door. */
function forge(rig: RemoteRig, manifests: readonly Descriptor[]): void {
  const bytes = encodeIndex({ mediaType: mediaTypes.index, manifests });
  const { digest } = describeBytes(mediaTypes.index, bytes);
  rig.registry.repositories.get("team/app")?.manifests.set(digest, { mediaType: mediaTypes.index, bytes });
  rig.registry.repositories.get("team/app")?.tags.set(fallback, digest);
}

test("what the tag says of types counts for nothing: each manifest is opened", async () => {
  await using rig = await rigWithNotes({ referrersApi: false });
  const [first, ...others] = notes.map(({ descriptor }) => descriptor);
  assert.ok(first);
  // As known clients write it: the config's type in place of the artifact's, and no annotations.
  const { annotations: _none, ...bare } = first;
  const wrong = { ...bare, artifactType: mediaTypes.config };
  const gone = { ...bare, digest: digestOf("gone") };
  // The image itself names no subject.
  forge(rig, [wrong, wrong, gone, subject, ...others]);
  assert.deepEqual(byDigest(await rig.open().referrers(subject)), expected);
});

test("more referrers than anybody has are refused, and so are pages without end or elsewhere", async () => {
  await using rig = await rigWithNotes({ referrersApi: false });
  const many = Array.from({ length: 65 }, (_, i) => ({ ...subject, digest: digestOf(String(i)) }));
  forge(rig, many);
  await assert.rejects(rig.open().referrers(subject), refuses("OCI_LIMIT"));
  assert.ok(rig.registry.requests.length < 10);
  const empty = Buffer.from(encodeIndex({ mediaType: mediaTypes.index, manifests: [] }));
  const page = (link: string): void => {
    const headers = { "content-type": mediaTypes.index, link };
    rig.registry.options = { mischief: () => ({ status: 200, headers, body: empty }) };
  };
  page(`</v2/team/app/referrers/${subject.digest}?again>; rel="next"`);
  await assert.rejects(rig.open().referrers(subject), refuses("OCI_LIMIT"));
  page('<http://elsewhere.example/>; rel="next"');
  await assert.rejects(rig.open().referrers(subject), refuses("REGISTRY_ANSWER"));
});

test("an index of referrers that another client wrote is kept", async () => {
  await using rig = await rigWithNotes({ referrersApi: false });
  const [first, second] = notes;
  assert.ok(first && second);
  forge(rig, [second.descriptor]);
  const repository = rig.registry.repositories.get("team/app");
  repository?.manifests.delete(first.descriptor.digest);
  await writeReferrer(rig.open(), first);
  const tagged = repository?.manifests.get(repository.tags.get(fallback) ?? "")?.bytes ?? Buffer.alloc(0);
  const listed: readonly Digest[] = parseIndex(tagged).manifests.map(({ digest }) => digest);
  assert.deepEqual(listed, [second.descriptor.digest, first.descriptor.digest]);
});
