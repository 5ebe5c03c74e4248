// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { digestOf } from "../../base/index.ts";
import { describeBytes, openLayerTar, parsePlatform, parseReference, sourceOf, verifyBlob } from "../../oci/index.ts";
import { copyImage } from "../copy-image.ts";
import { testPlace } from "../place.contract.ts";
import { openTarget } from "../place-kinds.ts";
import { readImage } from "../read-image.ts";
import { type DockerRegistry, startDockerRegistry } from "../testing/docker-registry.ts";
import { sampleReferrer, writeReferrer } from "../testing/referrers.ts";
import { readAll, refuses, someBytes } from "../testing/remote-rig.ts";
import { sampleImage, sampleIndex } from "../testing/sample-image.ts";
import { hasTool, runTool } from "../testing/tool.ts";
import { openRemote, type RegistrySettings, type RemotePlace } from "./open-remote.ts";

const login = { user: "me", password: "pass:word" };
const credentials = async () => ({ kind: "basic", ...login }) as const;
const root = mkdtempSync(join(tmpdir(), "ashlar-remote-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

const started: unknown = await startDockerRegistry(login).catch((error: unknown) => error);
const registry = started instanceof Error ? undefined : (started as DockerRegistry);
after(async () => registry?.[Symbol.asyncDispose]());

/** Skips a test where Debian's docker-registry or htpasswd is not here. */
function needsRegistry(t: TestContext): DockerRegistry | undefined {
  if (!hasTool(t, "docker-registry") || !hasTool(t, "htpasswd")) return undefined;
  if (registry === undefined) throw started;
  return registry;
}

function open(host: string, name: string, settings: RegistrySettings = {}): RemotePlace {
  const place = openRemote(parseReference(`${host}/${name}`), { credentials, retryDelayMs: 1, ...settings });
  after(() => place.close());
  return place;
}

if (registry !== undefined) {
  for (const chunkBytes of [1 << 20, 1000]) {
    testPlace({
      name: `docker-registry with a login, in chunks of ${chunkBytes},`,
      keepsManifests: true,
      isRepository: true,
      make: () => {
        const place = open(registry.host, `place/${count++}`, { chunkBytes });
        return { target: place, source: () => place };
      },
    });
  }
}

test("skopeo and umoci read what was pushed to docker-registry, and we read what skopeo pushed", async (t) => {
  const server = needsRegistry(t);
  if (server === undefined || !hasTool(t, "skopeo") || !hasTool(t, "umoci")) return;
  const index = sampleIndex("zstd");
  const place = open(server.host, "app");
  await copyImage(sourceOf(index), place, { tag: "multi" });
  await place.finish();
  const auth = ["--authfile", authFile(server.host)];
  const ref = `docker://${server.host}/app:multi`;
  const raw = runTool("skopeo", "inspect", ...auth, "--tls-verify=false", "--raw", ref);
  assert.equal(digestOf(raw), index.indexDescriptor.digest);
  const plain = ["copy", "--insecure-policy", ...auth, "--src-tls-verify=false", "--dest-tls-verify=false"];
  const out = join(root, "skopeo");
  runTool("skopeo", ...plain, "--override-arch", "arm64", ref, `dir:${out}`);
  const manifest = readFileSync(join(out, "manifest.json"));
  assert.equal(digestOf(manifest), index.images[1]?.manifestDescriptor.digest);
  const gzip = open(server.host, "gzip");
  await copyImage(sourceOf(sampleImage("gzip")), gzip, { tag: "1" });
  await gzip.finish();
  runTool("skopeo", ...plain, `docker://${server.host}/gzip:1`, `oci:${join(root, "layout")}:1`);
  const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
  runTool("umoci", "unpack", ...rootless, "--image", `${join(root, "layout")}:1`, join(root, "bundle"));
  assert.equal(readFileSync(join(root, "bundle/rootfs/etc/os-release"), "utf8"), "ID=sample\n");
  const target = openTarget("oci", join(root, "ours"));
  const other = sampleIndex("gzip");
  await copyImage(sourceOf(other), target, { tag: "1", platform: parsePlatform("linux/amd64") });
  await target.finish();
  runTool("skopeo", ...plain, "--format", "v2s2", `oci:${join(root, "ours")}:1`, `docker://${server.host}/docker:1`);
  const image = await readImage(open(server.host, "docker"), { tag: "1" });
  assert.deepEqual(image.layers.map(({ diffId }) => diffId), other.images[0]?.layers.map(({ diffId }) => diffId));
  for (const layer of image.layers) for await (const _ of openLayerTar(layer));
});

function authFile(host: string): string {
  const path = join(root, "auth.json");
  const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  writeFileSync(path, JSON.stringify({ auths: { [host]: { auth } } }));
  return path;
}

test("docker-registry mounts, gives single ranges, and lists referrers by tag only", async (t) => {
  const server = needsRegistry(t);
  if (server === undefined) return;
  const content = someBytes(500_000);
  const descriptor = describeBytes("application/octet-stream", content);
  async function* once(): AsyncGenerator<Uint8Array> {
    yield content;
  }
  const first = open(server.host, "first");
  await first.writeBlob(descriptor, once());
  assert.deepEqual(await readAll(first.range(descriptor, { offset: 9, sizeBytes: 1000 })), content.subarray(9, 1009));
  const second = openRemote(
    parseReference(`${server.host}/second`),
    { credentials },
    { mountFrom: () => ["first"] },
  );
  async function* unread(): AsyncGenerator<Uint8Array> {
    throw new Error("a mounted blob is not read");
  }
  await second.writeBlob(descriptor, unread());
  assert.equal(await second.has(descriptor), true);
  await second.close();
  const image = sampleImage("none");
  const place = open(server.host, "signed");
  await copyImage(sourceOf(image), place, { tag: "1" });
  const notes = ["a", "b", "c"].map((note) => sampleReferrer(image.manifestDescriptor, note));
  await Promise.all(notes.map((note) => writeReferrer(place, note)));
  const found = await place.referrers(image.manifestDescriptor);
  const digests = notes.map(({ descriptor: { digest } }) => digest);
  assert.deepEqual(found.map(({ digest }) => digest).sort(), digests.sort());
});

test("a wrong password at docker-registry ends in REGISTRY_AUTH", async (t) => {
  const server = needsRegistry(t);
  if (server === undefined) return;
  const wrong = open(server.host, "app", {
    credentials: async () => ({ kind: "basic", user: "me", password: "wrong" }),
  });
  await assert.rejects(wrong.resolve("multi"), refuses("REGISTRY_AUTH"));
});

/** A way to a server that cuts each of its first connections after some bytes in one direction. */
async function cutting(
  host: string,
  { upBytes, cuts }: { readonly upBytes: number; readonly cuts: number },
): Promise<AsyncDisposable & { readonly host: string; readonly count: () => number }> {
  let left = cuts;
  const server = createServer((client) => {
    const target = connect(Number(host.split(":")[1]), "127.0.0.1");
    let sent = 0;
    client.on("data", (bytes) => {
      sent += bytes.length;
      target.write(bytes);
      if (sent < upBytes || left <= 0) return;
      left--;
      client.destroy();
      target.end();
    });
    target.pipe(client);
    client.on("close", () => target.end());
    for (const end of [client, target]) end.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dispose = async (): Promise<void> => void server.close();
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, count: () => cuts - left, [Symbol.asyncDispose]: dispose };
}

test("an upload to docker-registry whose connection is cut again and again arrives", async (t) => {
  const server = needsRegistry(t);
  if (server === undefined) return;
  await using way = await cutting(server.host, { upBytes: 700_000, cuts: 2 });
  const content = someBytes(3_000_000);
  const layer = describeBytes("application/octet-stream", content);
  const image = sampleImage("none");
  const place = open(way.host, "cut", { chunkBytes: 1_000_000 });
  // Through copyImage: it sends a blob again whose upload the registry forgot.
  const source = sourceOf(image);
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
  };
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    mediaType: image.manifestDescriptor.mediaType,
    config: { mediaType: layer.mediaType, digest: layer.digest, size: layer.sizeBytes },
    layers: [],
  }));
  const described = describeBytes(image.manifestDescriptor.mediaType, manifest);
  await copyImage(
    { ...source, resolve: async () => described, manifest: async () => manifest, blob: bytes },
    place,
    { tag: "1" },
  );
  await place.finish();
  assert.equal(way.count(), 2);
  const direct = open(server.host, "cut");
  assert.deepEqual(await readAll(verifyBlob(layer, direct.blob(layer))), content);
});
