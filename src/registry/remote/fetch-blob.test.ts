// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { verifyBlob } from "../../oci/index.ts";
import { makeRemoteRig, readAll, refuses, someBytes } from "../testing/remote-rig.ts";
import type { RangeStyle } from "../testing/registry-ranges.ts";
import { startTestRegistry } from "../testing/test-registry.ts";

const content = someBytes(300_000);
const isBlob = (path: string): boolean => path.includes("/blobs/sha256:");

test("blob gives the bytes of a blob, and says which one is missing", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  const place = rig.open();
  assert.deepEqual(await readAll(place.blob(descriptor)), content);
  const absent = { ...descriptor, digest: `sha256:${"0".repeat(64)}` as typeof descriptor.digest };
  await assert.rejects(readAll(place.blob(absent)), refuses("OCI_BLOB_MISSING", /0000.*team\/app/));
});

test("blob asks for the rest where the answer breaks off, and no byte comes twice", async () => {
  await using rig = await makeRemoteRig({
    mischief: ({ path }, count) => (isBlob(path) && count < 5 ? { cutAfter: 50_000 } : undefined),
  });
  const descriptor = rig.put(content);
  assert.deepEqual(await readAll(verifyBlob(descriptor, rig.open().blob(descriptor))), content);
  const ranges = rig.registry.requests.map(({ headers }) => headers["range"]);
  assert.equal(ranges[0], undefined);
  assert.match(String(ranges[1]), /^bytes=\d+-299999$/);
  assert.ok(ranges.length >= 5, String(ranges.length));
});

test("blob reads over what it has where the registry answers the rest by the whole", async () => {
  await using rig = await makeRemoteRig({
    singleRange: 200,
    mischief: ({ path }, count) => (isBlob(path) && count === 0 ? { cutAfter: 130_000 } : undefined),
  });
  const descriptor = rig.put(content);
  assert.deepEqual(await readAll(verifyBlob(descriptor, rig.open().blob(descriptor))), content);
});

test("blob gives up when tries bring nothing", async () => {
  await using rig = await makeRemoteRig({
    mischief: ({ path }, count) => (isBlob(path) ? { cutAfter: count === 0 ? 1000 : 0 } : undefined),
  });
  const descriptor = rig.put(content);
  await assert.rejects(readAll(rig.open().blob(descriptor)), refuses("REGISTRY_UNREACHABLE", /after 1000 of 300000/));
  assert.equal(rig.registry.requests.length, 4);
});

test("blob gives up on a registry that gives a byte at a time", async () => {
  await using rig = await makeRemoteRig({ mischief: ({ path }) => (isBlob(path) ? { cutAfter: 1 } : undefined) });
  const descriptor = rig.put(content);
  await assert.rejects(readAll(rig.open().blob(descriptor)), refuses("REGISTRY_UNREACHABLE", /after 4 of/));
});

test("blob gives up on an answer that stalls, and goes on with the rest", async () => {
  await using rig = await makeRemoteRig({
    mischief: ({ path }, count) => (isBlob(path) && count === 0 ? { stallAfter: 70_000 } : undefined),
  });
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { idleTimeoutMs: 200 });
  assert.deepEqual(await readAll(verifyBlob(descriptor, place.blob(descriptor))), content);
  assert.equal(rig.registry.requests.length, 2);
});

test("blob refuses another size than described before it reads, and other bytes are found by verifyBlob", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  const place = rig.open();
  for (const change of [(b: Uint8Array) => b.subarray(1), (b: Uint8Array) => Buffer.concat([b, Buffer.from("x")])]) {
    rig.registry.options = { mischief: () => ({ change }) };
    await assert.rejects(readAll(place.blob(descriptor)), refuses("OCI_BLOB_SIZE", /says it has/));
  }
  const flip = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === 9 ? byte ^ 1 : byte));
  rig.registry.options = { mischief: () => ({ change: flip }) };
  await assert.rejects(readAll(verifyBlob(descriptor, place.blob(descriptor))), refuses("OCI_BLOB_DIGEST"));
});

test("range gives exactly the part that was asked for, in one request", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  const place = rig.open();
  for (const [offset, sizeBytes] of [[0, 1], [1000, 50_000], [299_999, 1], [0, 300_000]] as const) {
    const part = await readAll(place.range(descriptor, { offset, sizeBytes }));
    assert.deepEqual(part, content.subarray(offset, offset + sizeBytes));
  }
  assert.deepEqual(await readAll(place.range(descriptor, { offset: 5, sizeBytes: 0 })), Buffer.alloc(0));
  assert.equal(rig.registry.requests.length, 4);
  assert.ok(rig.registry.requests.every(({ headers }) => !String(headers["range"]).includes(",")));
});

test("range says that a registry gives no parts, and reads nothing more of its answer", async () => {
  for (const singleRange of [200, 400, 416, 501, "other-part"] as readonly RangeStyle[]) {
    await using rig = await makeRemoteRig({ singleRange });
    const large = someBytes(20_000_000);
    const descriptor = rig.put(large);
    const part = readAll(rig.open().range(descriptor, { offset: 1000, sizeBytes: 5_000_000 }));
    await assert.rejects(part, refuses("OCI_RANGE_UNSUPPORTED"), String(singleRange));
    // What fits into the buffers of the two ends may be on its way already.
    assert.ok(rig.registry.sentBytes() < 10_000_000, `${singleRange}: ${rig.registry.sentBytes()}`);
    assert.equal(rig.registry.requests.length, 1);
  }
});

test("range refuses several parts in one answer, and another total than described", async () => {
  await using rig = await makeRemoteRig();
  const descriptor = rig.put(content);
  const place = rig.open();
  const part = { offset: 0, sizeBytes: 10 };
  rig.registry.options = { mischief: () => ({ headers: { "content-type": "multipart/byteranges; boundary=x" } }) };
  await assert.rejects(readAll(place.range(descriptor, part)), refuses("OCI_RANGE_UNSUPPORTED", /several/));
  rig.registry.options = { mischief: () => ({ headers: { "content-range": "bytes 0-9/11" } }) };
  await assert.rejects(readAll(place.range(descriptor, part)), refuses("OCI_BLOB_SIZE"));
  rig.registry.options = { mischief: () => ({ change: (bytes) => Buffer.concat([bytes, bytes]) }) };
  await assert.rejects(readAll(place.range(descriptor, part)), refuses("REGISTRY_ANSWER"));
});

test("range goes on behind a cut", async () => {
  await using rig = await makeRemoteRig({ mischief: (_, count) => (count === 0 ? { cutAfter: 30_000 } : undefined) });
  const descriptor = rig.put(content);
  const part = await readAll(rig.open().range(descriptor, { offset: 100, sizeBytes: 200_000 }));
  assert.deepEqual(part, content.subarray(100, 200_100));
  assert.match(String(rig.registry.requests[1]?.headers["range"]), /^bytes=\d{5}-200099$/);
});

test("an encoded body is refused", async () => {
  await using rig = await makeRemoteRig({ mischief: () => ({ headers: { "content-encoding": "gzip" } }) });
  const descriptor = rig.put(content);
  const place = rig.open();
  const refused = refuses("REGISTRY_ANSWER", /Content-Encoding is "gzip"/);
  await assert.rejects(readAll(place.blob(descriptor)), refused);
  await assert.rejects(readAll(place.range(descriptor, { offset: 0, sizeBytes: 9 })), refused);
  rig.registry.repositories.get("team/app")?.tags.set("x", descriptor.digest);
  rig.registry.repositories.get("team/app")?.manifests.set(descriptor.digest, { mediaType: "a/b", bytes: content });
  await assert.rejects(place.resolve("x"), refused);
});

test("blobs are followed to another host, ranges too, and credentials are not", async () => {
  const auth = { kind: "basic", user: "me", password: "secret" } as const;
  await using rig = await makeRemoteRig({ auth });
  await using other = await startTestRegistry({}, rig.registry.repositories);
  rig.registry.options = {
    auth,
    mischief: ({ path, headers }) =>
      isBlob(path) && headers["authorization"] !== undefined
        ? { status: 307, headers: { location: `${other.base}${path}?signature=x` } }
        : undefined,
  };
  const descriptor = rig.put(content);
  const place = rig.open("team/app", { credentials: async () => auth });
  assert.deepEqual(await readAll(place.blob(descriptor)), content);
  assert.deepEqual(await readAll(place.range(descriptor, { offset: 7, sizeBytes: 9 })), content.subarray(7, 16));
  assert.equal(other.requests.length, 2);
  assert.equal(other.requests[1]?.headers["range"], "bytes=7-15");
  for (const { headers } of other.requests) assert.equal(headers["authorization"], undefined);
  assert.ok(rig.registry.requests.some(({ headers }) => headers["authorization"] !== undefined));
});
