// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseReference, sourceOf, verifyBlob } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { sampleReferrer, writeReferrer } from "../testing/referrers.ts";
import { makeRemoteRig, readAll, refuses, type RemoteRig, someBytes } from "../testing/remote-rig.ts";
import { sampleImage } from "../testing/sample-image.ts";
import { mirrorsOf } from "./mirrors.ts";

const image = sampleImage("gzip");
const content = someBytes(300_000);

/** Two registries that hold the same; the second one has it below a prefix. */
async function mirrored(): Promise<{ rig: RemoteRig; mirror: RemoteRig; settings: object } & AsyncDisposable> {
  const [rig, mirror] = [await makeRemoteRig(), await makeRemoteRig()];
  for (const place of [rig.open(), mirror.open("cache/team/app")]) {
    await copyImage(sourceOf(image), place, { tag: "1" });
    await place.finish();
  }
  rig.put(content);
  mirror.put(content, "cache/team/app");
  for (const { registry } of [rig, mirror]) registry.requests.length = 0;
  const settings = { mirrors: { [rig.registry.host]: [`${mirror.registry.host}/cache`] } };
  const dispose = async (): Promise<void> => {
    await rig[Symbol.asyncDispose]();
    await mirror[Symbol.asyncDispose]();
  };
  return { rig, mirror, settings, [Symbol.asyncDispose]: dispose };
}

test("a mirror is read in place of the registry, below its prefix, and never written to", async () => {
  await using t = await mirrored();
  const place = t.rig.open("team/app:1", t.settings);
  assert.deepEqual(await place.resolve(), image.manifestDescriptor);
  await place.manifest(image.manifestDescriptor);
  const descriptor = t.rig.put(content);
  assert.deepEqual(await readAll(place.blob(descriptor)), content);
  assert.deepEqual(await readAll(place.range(descriptor, { offset: 5, sizeBytes: 7 })), content.subarray(5, 12));
  assert.equal(t.rig.registry.requests.length, 0);
  assert.ok(t.mirror.registry.requests.every(({ path }) => path.startsWith("/v2/cache/team/app/")));
  await copyImage(sourceOf(sampleImage("none", "new")), place, { tag: "2" });
  await place.finish();
  assert.ok(t.mirror.registry.requests.every(({ method }) => method === "GET"));
});

test("what a mirror lacks or spoils comes from the registry", async () => {
  await using t = await mirrored();
  const descriptor = t.rig.put(content);
  for (const mischief of [
    () => ({ status: 404 }),
    () => ({ status: 503 }),
    () => ({ status: 401 }),
    () => ({ status: 200, headers: { "content-type": "text/html" }, body: "<html>" }),
    () => ({ cutAfter: 0 }),
  ]) {
    t.mirror.registry.options = { mischief };
    const place = t.rig.open("team/app:1", t.settings);
    assert.deepEqual(await place.resolve(), image.manifestDescriptor);
    assert.deepEqual(Buffer.from(await place.manifest(image.manifestDescriptor)), Buffer.from(image.manifest));
    const part = await readAll(place.range(descriptor, { offset: 5, sizeBytes: 7 }));
    assert.deepEqual(part, content.subarray(5, 12));
  }
});

test("a blob that breaks off in a mirror goes on in the registry", async () => {
  await using t = await mirrored();
  const descriptor = t.rig.put(content);
  t.mirror.registry.options = { mischief: (_, count) => (count === 0 ? { cutAfter: 100_000 } : { status: 404 }) };
  const place = t.rig.open("team/app", t.settings);
  assert.deepEqual(await readAll(verifyBlob(descriptor, place.blob(descriptor))), content);
  assert.match(String(t.rig.registry.requests[0]?.headers["range"]), /^bytes=[1-9]\d+-299999$/);
});

test("a blob that breaks off in a mirror goes on in a registry that gives no parts", async () => {
  await using t = await mirrored();
  const descriptor = t.rig.put(content);
  const place = t.rig.open("team/app", t.settings);
  for (const singleRange of [200, 416] as const) {
    t.rig.registry.options = { singleRange };
    let count = 0;
    t.mirror.registry.options = { mischief: () => (count++ === 0 ? { cutAfter: 100_000 } : { status: 404 }) };
    assert.deepEqual(await readAll(verifyBlob(descriptor, place.blob(descriptor))), content);
  }
});

test("a mirror that cannot be reached is asked once", async () => {
  await using t = await mirrored();
  await t.mirror.registry.close();
  const retries: string[] = [];
  const onRetry = ({ host }: { host: string }): void => void retries.push(host);
  const place = t.rig.open("team/app:1", { ...t.settings, onRetry, tryCountMax: 2 });
  await place.resolve();
  await place.resolve();
  assert.deepEqual(retries, [t.mirror.registry.host]);
});

test("errors of the registry name those of the mirrors too", async () => {
  await using t = await mirrored();
  await assert.rejects(t.rig.open("team/app:9", t.settings).resolve(), (error: { because: readonly string[] }) => {
    assert.match(error.because.join(), /mirror: .*"9" in "127\.0\.0\.1:\d+\/cache\/team\/app"/);
    return true;
  });
});

test("referrers come from the registry where the mirror lists none", async () => {
  await using t = await mirrored();
  const note = sampleReferrer(image.manifestDescriptor, "note");
  await writeReferrer(t.rig.open(), note);
  const place = t.rig.open("team/app:1", t.settings);
  assert.deepEqual(await place.referrers(image.manifestDescriptor), [note.descriptor]);
});

test("credentials of the registry do not go to the mirror", async () => {
  await using t = await mirrored();
  const auth = { kind: "basic", user: "me", password: "secret" } as const;
  t.rig.registry.options = { auth };
  t.mirror.registry.options = { auth: { ...auth, password: "other" } };
  const credentials = async (registry: string) => (registry === t.rig.registry.host ? auth : undefined);
  await t.rig.open("team/app:1", { ...t.settings, credentials }).resolve();
  assert.ok(t.mirror.registry.requests.length > 0);
  assert.ok(t.mirror.registry.requests.every(({ headers }) => headers["authorization"] === undefined));
});

test("mirrorsOf reads hosts with scheme, port and prefix, and refuses all else", () => {
  const reference = parseReference("docker.io/library/debian:12");
  const settings = { mirrors: { "docker.io": ["m.example", "http://m.example:5000/hub/", "127.0.0.1:5000/a/b"] } };
  assert.deepEqual(mirrorsOf(reference, settings).map(({ registry, repository }) => `${registry.href} ${repository}`), [
    "https://m.example/ library/debian",
    "http://m.example:5000/ hub/library/debian",
    "http://127.0.0.1:5000/ a/b/library/debian",
  ]);
  assert.deepEqual(mirrorsOf(parseReference("ghcr.io/a/b"), settings), []);
  for (const text of ["", "mirror", "ftp://m.example", "m.example/UPPER", "m.example/a:1", "me:pw@m.example", "/x"]) {
    assert.throws(() => mirrorsOf(reference, { mirrors: { "docker.io": [text] } }), refuses("USAGE_MIRROR"), text);
  }
});
