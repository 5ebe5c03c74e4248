// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../../base/index.ts";
import { type Descriptor, mediaTypes, sourceOf } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { makeRemoteRig, refuses, type RemoteRig } from "../testing/remote-rig.ts";
import { sampleImage } from "../testing/sample-image.ts";
import { registryAddress } from "./registry-address.ts";
import { undiciHttp } from "./undici-http.ts";

const image = sampleImage("gzip");

async function rigWithImage(): Promise<RemoteRig> {
  const rig = await makeRemoteRig();
  const place = rig.open();
  await copyImage(sourceOf(image), place, { tag: "1" });
  await place.finish();
  rig.registry.requests.length = 0;
  return rig;
}

test("resolve finds tags and digests, by default the reference's own, and reading it asks no more", async () => {
  await using rig = await rigWithImage();
  const { manifestDescriptor: expected } = image;
  const place = rig.open();
  assert.deepEqual(await place.resolve("1"), expected);
  assert.deepEqual(await place.manifest(expected), Buffer.from(image.manifest));
  assert.equal(rig.registry.requests.length, 1);
  assert.match(String(rig.registry.requests[0]?.headers["accept"]), /oci\.image\.index.*manifest\.list\.v2/);
  assert.deepEqual(await place.resolve(expected.digest), expected);
  assert.deepEqual(await rig.open("team/app:1").resolve(), expected);
  assert.deepEqual(await rig.open(`team/app@${expected.digest}`).resolve(), expected);
  await assert.rejects(place.resolve(), refuses("OCI_IMAGE_MISSING", /"latest"/));
  await assert.rejects(place.resolve("2"), refuses("OCI_IMAGE_MISSING", /tag "2".*team\/app/));
  const absent = { ...expected, digest: digestOf("absent") };
  await assert.rejects(place.manifest(absent), refuses("OCI_BLOB_MISSING"));
});

test("a digest alone is enough to read a manifest", async () => {
  await using rig = await rigWithImage();
  const alone: Descriptor = { mediaType: "", digest: image.manifestDescriptor.digest, sizeBytes: 0 };
  assert.deepEqual(await rig.open().manifest(alone), Buffer.from(image.manifest));
});

test("a document of another digest than asked for, or than the registry says, is refused", async () => {
  await using rig = await rigWithImage();
  const { digest } = image.manifestDescriptor;
  const place = rig.open();
  rig.registry.options = { mischief: () => ({ headers: { "docker-content-digest": digestOf("x") } }) };
  await assert.rejects(place.resolve("1"), refuses("OCI_BLOB_DIGEST"));
  rig.registry.options = { mischief: () => ({ change: (bytes) => Buffer.concat([bytes, Buffer.from(" ")]) }) };
  await assert.rejects(place.resolve(digest), refuses("OCI_BLOB_DIGEST"));
});

test("a document that is too large or calls itself something else is refused", async () => {
  await using rig = await rigWithImage();
  const place = rig.open();
  const headers = { "docker-content-digest": "" };
  rig.registry.options = { mischief: () => ({ headers, change: () => Buffer.alloc((4 << 20) + 1, " ") }) };
  await assert.rejects(place.resolve("1"), refuses("OCI_LIMIT"));
  rig.registry.options = {
    mischief: () => ({ headers, chunked: true, change: () => Buffer.alloc(5 << 20, " ") }),
  };
  await assert.rejects(place.resolve("1"), refuses("REGISTRY_ANSWER", /more than 4194304/));
  const old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  for (const type of ["text/html", "application/json", old, ""]) {
    rig.registry.options = { mischief: () => ({ headers: { "content-type": type } }) };
    await assert.rejects(place.resolve("1"), refuses("OCI_MEDIA_TYPE"), type);
  }
  const type = `${mediaTypes.manifest.toUpperCase()}; charset=utf-8`;
  rig.registry.options = { mischief: () => ({ headers: { "content-type": type } }) };
  assert.equal((await place.resolve("1")).mediaType, mediaTypes.manifest);
});

test("429 with Retry-After and 5xx are waited for, other errors are not", async () => {
  await using rig = await rigWithImage();
  const place = rig.open();
  const waits: number[] = [];
  const passing = [[429, { "retry-after": "0" }], [503, {}], [500, {}], [408, {}], [502, {}]] as const;
  for (const [status, headers] of passing) {
    let count = 0;
    rig.registry.options = { mischief: () => (count++ < 2 ? { status, headers } : undefined) };
    const settings = { onRetry: ({ delayMs }: { delayMs: number }) => void waits.push(delayMs) };
    await rig.open("team/app", settings).resolve("1");
    assert.equal(count, 3, String(status));
  }
  assert.deepEqual(waits, [0, 0, 1, 2, 1, 2, 1, 2, 1, 2]);
  for (const [status, code] of [[400, "FAILED"], [403, "DENIED"], [405, "FAILED"], [501, "FAILED"]] as const) {
    let count = 0;
    rig.registry.options = { mischief: () => (count++, { status }) };
    await assert.rejects(place.resolve("1"), refuses(`REGISTRY_${code}`, new RegExp(String(status))));
    assert.equal(count, 1);
  }
  rig.registry.options = { mischief: () => ({ status: 429, headers: { "retry-after": "0" } }) };
  await assert.rejects(place.resolve("1"), refuses("REGISTRY_BUSY"));
});

test("what a registry says of its errors is shown, made harmless", async () => {
  await using rig = await rigWithImage();
  const errors = [{ code: "NAME_UNKNOWN", message: "no \u001b[31msuch\nname" }, { code: "X".repeat(9999) }];
  rig.registry.options = { mischief: () => ({ status: 400, body: JSON.stringify({ errors }) }) };
  await assert.rejects(rig.open().resolve("1"), (error: { because: readonly string[] }) => {
    assert.deepEqual(error.because[0], "NAME_UNKNOWN: no  [31msuch name");
    assert.equal(error.because[1]?.length, 300);
    return true;
  });
  rig.registry.options = { mischief: () => ({ status: 400, body: "<html>".repeat(100_000) }) };
  await assert.rejects(rig.open().resolve("1"), (error: { because: readonly string[] }) => error.because.length === 0);
});

test("a registry that does not answer, and a manifest that breaks off, are tried again, and given up", async () => {
  await using rig = await rigWithImage();
  let count = 0;
  rig.registry.options = { mischief: () => (count++ < 2 ? { cutAfter: 10 } : undefined) };
  assert.deepEqual(await rig.open().resolve("1"), image.manifestDescriptor);
  rig.registry.options = { mischief: () => ({ cutAfter: 10 }) };
  await assert.rejects(rig.open().resolve("1"), refuses("REGISTRY_UNREACHABLE"));
  rig.registry.options = { mischief: () => ({ delayMs: 3000 }) };
  const settings = { idleTimeoutMs: 100, tryCountMax: 1 };
  await assert.rejects(rig.open("team/app", settings).resolve("1"), refuses("REGISTRY_UNREACHABLE"));
  const controller = new AbortController();
  const signal = controller.signal;
  const interrupted = rig.open("team/app", { signal }).resolve("1");
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(interrupted, refuses("INTERRUPTED"));
});

test("a registry that is not there is named, with a hint", async () => {
  await using rig = await makeRemoteRig();
  const { host } = rig.registry;
  await rig.registry.close();
  await assert.rejects(rig.open("team/app").resolve("1"), (error: { code: string; message: string; hint?: string }) => {
    assert.equal(error.code, "REGISTRY_UNREACHABLE");
    assert.ok(error.message.includes(host) && error.message.includes("ECONNREFUSED"), error.message);
    assert.match(error.hint ?? "", /proxy/);
    return true;
  });
});

test("registryAddress speaks https, but http on loopback and where the user says so; docker's hub has its own", () => {
  const insecure = ["plain.example:5000"];
  const cases = [
    ["registry.example", "https://registry.example/"],
    ["registry.example:8443", "https://registry.example:8443/"],
    ["plain.example:5000", "http://plain.example:5000/"],
    ["plain.example", "https://plain.example/"],
    ["localhost", "http://localhost/"],
    ["localhost:5000", "http://localhost:5000/"],
    ["127.0.0.2:5000", "http://127.0.0.2:5000/"],
    ["[::1]:5000", "http://[::1]:5000/"],
    ["10.0.0.1:5000", "https://10.0.0.1:5000/"],
    ["docker.io", "https://registry-1.docker.io/"],
  ] as const;
  for (const [registry, address] of cases) assert.equal(registryAddress(registry, { insecure }).href, address);
});

test("a registry that speaks plain HTTP where https is wanted ends in a hint", async () => {
  await using rig = await makeRemoteRig();
  const http = undiciHttp({});
  const url = new URL(`https://${rig.registry.host}/v2/`);
  await assert.rejects(http.send({ method: "GET", url }), (error: { code: string; hint?: string }) => {
    assert.equal(error.code, "REGISTRY_UNREACHABLE");
    assert.match(error.hint ?? "", /--insecure/);
    return true;
  });
  await http.close();
});
