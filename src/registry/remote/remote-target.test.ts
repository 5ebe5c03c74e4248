// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../../base/index.ts";
import { sourceOf } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { sampleReferrer, withReferrers, writeReferrer } from "../testing/referrers.ts";
import { makeRemoteRig, refuses } from "../testing/remote-rig.ts";
import { sampleImage, sampleIndex } from "../testing/sample-image.ts";

const image = sampleImage("gzip");

test("a tag is written by finish only, when all is there, and never after abort", async () => {
  await using rig = await makeRemoteRig();
  const place = rig.open();
  await copyImage(sourceOf(image), place, { tag: "1" });
  const repository = rig.registry.repositories.get("team/app");
  assert.equal(repository?.tags.size, 0);
  assert.ok(repository?.manifests.has(image.manifestDescriptor.digest));
  await place.abort();
  await place.finish();
  assert.equal(repository?.tags.size, 0);
  await copyImage(sourceOf(image), place, { tag: "1" });
  await place.finish();
  assert.deepEqual([...(repository?.tags ?? [])], [["1", image.manifestDescriptor.digest]]);
});

test("what is there is not sent again: a second push asks for each part and writes the tag", async () => {
  await using rig = await makeRemoteRig();
  const push = async (): Promise<void> => {
    const place = rig.open();
    await copyImage(sourceOf(sampleIndex("gzip")), place, { tag: "1" });
    await place.finish();
  };
  await push();
  rig.registry.requests.length = 0;
  await push();
  const { requests } = rig.registry;
  assert.deepEqual([...new Set(requests.map(({ method }) => method))], ["HEAD", "PUT"]);
  assert.equal(requests.filter(({ method }) => method === "PUT").length, 1);
});

test("a blob of another size than described counts as missing", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(Buffer.from("some bytes"));
  const place = rig.open();
  assert.equal(await place.has(descriptor), true);
  assert.equal(await place.has({ ...descriptor, sizeBytes: 9 }), false);
  assert.equal(await place.has(image.manifestDescriptor), false);
  rig.registry.options = { mischief: () => ({ status: 403 }) };
  await assert.rejects(place.has(descriptor), refuses("REGISTRY_DENIED"));
});

test("a registry that has a manifest under another digest than ours is not believed", async () => {
  await using rig = await makeRemoteRig({
    mischief: ({ method, path }) =>
      method === "PUT" && path.includes("/manifests/")
        ? { headers: { "docker-content-digest": digestOf("other") } }
        : undefined,
  });
  await assert.rejects(copyImage(sourceOf(image), rig.open(), { tag: "1" }), refuses("REGISTRY_ANSWER"));
});

test("a referrer that was written but not listed, as after a kill in between, is listed the next time", async () => {
  await using rig = await makeRemoteRig({ referrersApi: false });
  const note = sampleReferrer(image.manifestDescriptor, "note");
  rig.registry.options = {
    referrersApi: false,
    mischief: ({ path }) => (path.includes("/manifests/sha256-") ? { status: 400 } : undefined),
  };
  await assert.rejects(writeReferrer(rig.open(), note), refuses("REGISTRY_FAILED"));
  assert.ok(rig.registry.repositories.get("team/app")?.manifests.has(note.descriptor.digest));
  rig.registry.options = { referrersApi: false };
  const source = withReferrers(sourceOf(image), [[image.manifestDescriptor, note]]);
  await copyImage({ ...source, resolve: async () => note.descriptor }, rig.open());
  assert.deepEqual(await rig.open().referrers(image.manifestDescriptor), [note.descriptor]);
});
