// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { describeBytes, type Descriptor, type ImageSource, sourceOf } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { makeRemoteRig, readAll, refuses, someBytes } from "../testing/remote-rig.ts";
import { sampleImage } from "../testing/sample-image.ts";
import {
  type Mischief,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
  type TestRequest,
} from "../testing/test-registry.ts";

const content = someBytes(300_000);
const descriptor = describeBytes("application/octet-stream", content);

async function* stream(bytes: Uint8Array = content): AsyncGenerator<Uint8Array> {
  // One buffer that is used again, as some sources do.
  const piece = Buffer.alloc(7001);
  for (let at = 0; at < bytes.length; at += piece.length) {
    const length = piece.length - Math.max(0, at + piece.length - bytes.length);
    piece.set(bytes.subarray(at, at + length));
    yield piece.subarray(0, length);
  }
}

function methods({ requests }: TestRegistry): string {
  return requests.map(({ method }) => method).join(" ");
}

function stored({ repositories }: TestRegistry, { digest }: Descriptor = descriptor): Uint8Array | undefined {
  return repositories.get("team/app")?.blobs.get(digest);
}

const isPut = ({ method }: TestRequest): boolean => method === "PUT";
const isPatch = ({ method }: TestRequest): boolean => method === "PATCH";

test("a small blob goes in one request, and nothing of it before the source has ended", async () => {
  await using rig = await makeRemoteRig();
  await rig.open().writeBlob(descriptor, stream());
  assert.deepEqual(stored(rig.registry), content);
  assert.equal(methods(rig.registry), "POST PUT");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield content.subarray(0, 200_000);
    throw new Error("the disk is gone");
  }
  await assert.rejects(rig.open().writeBlob(descriptor, broken()), /the disk is gone/);
  assert.equal(methods(rig.registry), "POST PUT POST DELETE");
  assert.equal(rig.registry.openUploads, 0);
});

test("a large blob goes in chunks; what breaks off goes on where it broke", async () => {
  await using rig = await makeRemoteRig({
    mischief: (request, count) => (isPatch(request) && count % 2 === 1 ? { cutRequestAfter: 65_536 } : undefined),
  });
  await rig.open("team/app", { chunkBytes: 100_000 }).writeBlob(descriptor, stream());
  assert.deepEqual(stored(rig.registry), content);
  const ranges = rig.registry.requests.filter(isPatch).map(({ headers }) => headers["content-range"]);
  assert.equal(ranges[0], "0-99999");
  assert.equal(ranges[1], "100000-199999");
  assert.equal(ranges[2], "165536-199999");
  assert.ok(rig.registry.requests.some(({ method }) => method === "GET"));
});

test("a chunk whose answer is lost is not sent again", async () => {
  await using rig = await makeRemoteRig({
    mischief: (request, count) => (isPatch(request) && count === 1 ? { loseAnswer: true } : undefined),
  });
  await rig.open("team/app", { chunkBytes: 100_000 }).writeBlob(descriptor, stream());
  assert.deepEqual(stored(rig.registry), content);
  assert.equal(rig.registry.requests.filter(isPatch).length, 3);
});

test("an upload that the registry forgot asks for the blob once more, and copyImage does that", async () => {
  await using rig = await makeRemoteRig();
  let isForgotten = true;
  rig.registry.options = {
    mischief(request) {
      if (!isForgotten || !request.path.includes("/uploads/")) return undefined;
      if (isPatch(request)) return { status: 500 };
      return request.method === "GET" ? { status: 404 } : undefined;
    },
  };
  const place = rig.open("team/app", { chunkBytes: 1000 });
  await assert.rejects(place.writeBlob(descriptor, stream()), refuses("REGISTRY_UPLOAD_LOST"));
  const image = sampleImage("none");
  let opened = 0;
  const source: ImageSource = {
    ...sourceOf(image),
    blob(wanted) {
      if (opened++ > 0) isForgotten = false;
      return sourceOf(image).blob(wanted);
    },
  };
  await copyImage(source, place, { parallel: 1 });
  for (const layer of image.layers) {
    assert.deepEqual(await readAll(place.blob(layer.descriptor)), await readAll(layer.open()));
  }
});

test("a small blob whose answer is lost is found by looking, one that broke off is sent anew", async () => {
  await using rig = await makeRemoteRig({
    mischief: (request, count) => (isPut(request) && count === 0 ? { loseAnswer: true } : undefined),
  });
  await rig.open().writeBlob(descriptor, stream());
  assert.equal(methods(rig.registry), "POST PUT HEAD");
  await using other = await makeRemoteRig({
    mischief: (request) =>
      isPut(request) && request.path.includes("upload-1") ? { cutRequestAfter: 1000 } : undefined,
  });
  await other.open().writeBlob(descriptor, stream());
  assert.deepEqual(stored(other.registry), content);
  assert.equal(methods(other.registry), "POST PUT HEAD POST PUT");
});

test("a registry's wishes decide: large chunks, small bodies, no chunks at all", async () => {
  await using rig = await makeRemoteRig({ chunkBytesMin: 150_000 });
  await rig.open("team/app", { chunkBytes: 1000 }).writeBlob(descriptor, stream());
  assert.equal(methods(rig.registry), "POST PATCH PATCH PUT");
  rig.registry.requests.length = 0;
  rig.registry.options = { bodyBytesMax: 100_000 };
  await rig.open().writeBlob(descriptor, stream());
  assert.equal(methods(rig.registry), "POST PUT POST PATCH PATCH PATCH PATCH PUT");
  rig.registry.requests.length = 0;
  rig.registry.options = { chunks: false };
  await rig.open("team/app", { chunkBytes: 1000 }).writeBlob(descriptor, stream());
  assert.equal(methods(rig.registry), "POST PATCH PUT");
  assert.equal(rig.registry.requests[2]?.headers["content-length"], "300000");
  assert.deepEqual(stored(rig.registry), content);
  // Chunks that no memory holds: one stream, and what is small anyway as it always goes.
  for (const chunkBytes of [1000, 1 << 20]) {
    rig.registry.requests.length = 0;
    rig.registry.repositories.clear();
    rig.registry.options = { chunkBytesMin: 2 ** 40 };
    await rig.open("team/app", { chunkBytes }).writeBlob(descriptor, stream());
    assert.equal(methods(rig.registry), "POST PUT");
    assert.deepEqual(stored(rig.registry), content);
  }
});

test("an upload that is forgotten between its requests, or a stream that breaks, begins anew", async () => {
  const isLater = ({ headers }: TestRequest): boolean => /^[1-9]\d*-/.test(String(headers["content-range"]));
  const isEnd = (request: TestRequest): boolean => isPut(request) && request.headers["content-length"] === "0";
  const cases: readonly [string, (request: TestRequest) => boolean, Mischief, TestRegistryOptions][] = [
    ["a later chunk", isLater, { status: 404 }, {}],
    ["the end", isEnd, { status: 404 }, {}],
    ["a stream", isPut, { cutRequestAfter: 65_536 }, { chunks: false }],
    ["a busy registry", isPut, { status: 503, headers: { "retry-after": "0" } }, { chunks: false }],
  ];
  for (const [name, isMeant, mischief, options] of cases) {
    await using rig = await makeRemoteRig();
    let faults = 0;
    const spoil = (request: TestRequest) => (isMeant(request) && faults++ === 0 ? mischief : undefined);
    rig.registry.options = { ...options, mischief: spoil };
    const place = rig.open("team/app", { chunkBytes: 100_000 });
    await assert.rejects(place.writeBlob(descriptor, stream()), refuses("REGISTRY_UPLOAD_LOST"), name);
    assert.equal(stored(rig.registry), undefined, name);
    await place.writeBlob(descriptor, stream());
    assert.deepEqual(stored(rig.registry), content, name);
  }
});

test("a blob of another repository of the registry is mounted, and sent where that is refused", async () => {
  await using rig = await makeRemoteRig();
  rig.put(content, "other/app");
  const options = { mountFrom: () => ["other/app"] };
  async function* unread(): AsyncGenerator<Uint8Array> {
    throw new Error("a mounted blob is not read");
  }
  await rig.open("team/app", {}, options).writeBlob(descriptor, unread());
  assert.deepEqual(stored(rig.registry), content);
  assert.equal(methods(rig.registry), "POST");
  assert.match(rig.registry.requests[0]?.path ?? "", /mount=sha256%3A[0-9a-f]{64}&from=other%2Fapp$/);
  stored(rig.registry);
  rig.registry.repositories.get("team/app")?.blobs.clear();
  rig.registry.options = { mount: false };
  await rig.open("team/app", {}, options).writeBlob(descriptor, stream());
  assert.equal(methods(rig.registry), "POST POST PUT");
  rig.registry.repositories.get("team/app")?.blobs.clear();
  rig.registry.options = { mischief: ({ path }) => (path.includes("mount=") ? { status: 403 } : undefined) };
  await rig.open("team/app", {}, options).writeBlob(descriptor, stream());
  assert.deepEqual(stored(rig.registry), content);
});

test("mounting asks for the right to read the other repository, and no more", async () => {
  const auth = { kind: "token", user: "me", password: "secret" } as const;
  await using rig = await makeRemoteRig({ auth });
  rig.put(content, "other/app");
  const credentials = async () => ({ ...auth, kind: "basic" }) as const;
  await rig.open("team/app", { credentials }, { mountFrom: () => ["other/app"] }).writeBlob(descriptor, stream());
  assert.deepEqual(rig.registry.grants, [["repository:team/app:pull,push", "repository:other/app:pull"]]);
  assert.deepEqual(stored(rig.registry), content);
});

test("an upload may go on at another host, which gets no credentials; unsafe places are refused", async () => {
  const auth = { kind: "basic", user: "me", password: "secret" } as const;
  await using rig = await makeRemoteRig({ auth });
  await using other = await startTestRegistry({
    mischief: (request) =>
      isPatch(request) ? { status: 202, headers: { location: request.path } } : { status: 201 },
  });
  rig.registry.options = { auth, uploadBase: other.base };
  await rig.open("team/app", { credentials: async () => auth, chunkBytes: 200_000 }).writeBlob(descriptor, stream());
  assert.equal(methods(other), "PATCH PATCH PUT");
  assert.equal(other.requests.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0), content.length);
  for (const { headers } of other.requests) assert.equal(headers["authorization"], undefined);
  const unsafe = ["file:///etc/passwd", "http://me:secret@127.0.0.1/", "http://169.254.169.254/x", "http://["];
  for (const location of unsafe) {
    rig.registry.options = { mischief: () => ({ status: 202, headers: { location } }) };
    await assert.rejects(rig.open().writeBlob(descriptor, stream()), refuses("REGISTRY_REDIRECT"), location);
  }
  rig.registry.options = { mischief: () => ({ status: 202, headers: {} }) };
  await assert.rejects(rig.open().writeBlob(descriptor, stream()), refuses("REGISTRY_ANSWER", /no Location/));
});

test("what the registry wrote into an upload's address comes back byte for byte", async () => {
  await using rig = await makeRemoteRig();
  await rig.open().writeBlob(descriptor, stream());
  assert.match(rig.registry.requests[1]?.path ?? "", /\?_state=a%20b%2Bc%2F0%3D&digest=sha256%3A[0-9a-f]{64}$/);
});

test("a wrong digest that the registry finds is its error, and no tag is written", async () => {
  await using rig = await makeRemoteRig();
  const place = rig.open();
  const other = { ...descriptor, digest: describeBytes("a/b", Buffer.from("x")).digest };
  await assert.rejects(place.writeBlob(other, stream()), refuses("REGISTRY_FAILED", /answered 400/));
  assert.equal(stored(rig.registry, other), undefined);
});
