// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { type Image, type ImageIndex, openLayerTar, parsePlatform, sourceOf } from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { loadInto } from "./load-into.ts";
import { openSource, openTarget, type PlaceKind } from "./place-kinds.ts";
import { readImage } from "./read-image.ts";
import { sampleImage, sampleIndex } from "./testing/sample-image.ts";
import { hasTool, runTool } from "./testing/tool.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-readers-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

async function write(kind: PlaceKind, image: Image | ImageIndex, tag: string): Promise<string> {
  const path = join(root, String(count++));
  const target = openTarget(kind, path);
  await copyImage(sourceOf(image), target, { tag });
  await target.finish();
  return path;
}

for (const form of ["none", "gzip", "zstd"] as const) {
  for (const kind of ["oci", "oci-archive"] as const) {
    test(`skopeo copies an ${kind} with ${form} layers without changing a digest`, async (t) => {
      if (!hasTool(t, "skopeo")) return;
      const image = sampleImage(form);
      const path = await write(kind, image, "v1");
      const out = join(root, String(count++));
      runTool("skopeo", "copy", "--insecure-policy", `${kind}:${path}:v1`, `dir:${out}`);
      assert.equal(digestOf(readFileSync(join(out, "manifest.json"))), image.manifestDescriptor.digest);
      for (const { descriptor } of image.layers) {
        assert.equal(digestOf(readFileSync(join(out, descriptor.digest.slice(7)))), descriptor.digest);
      }
    });
  }

  test(`skopeo reads a docker-archive made of ${form} layers, with the same image ID`, async (t) => {
    if (!hasTool(t, "skopeo")) return;
    const image = sampleImage(form);
    const path = await write("docker-archive", image, "localhost/app:1");
    const config = runTool("skopeo", "inspect", "--config", "--raw", `docker-archive:${path}:localhost/app:1`);
    assert.equal(digestOf(config), digestOf(image.config));
    const names = runTool("tar", "-tf", path).trim().split("\n");
    assert.deepEqual(names.at(-1), "manifest.json");
  });
}

test("skopeo sees both platforms of an index, and our choice is its choice", async (t) => {
  if (!hasTool(t, "skopeo")) return;
  const index = sampleIndex("gzip");
  const path = await write("oci", index, "multi");
  assert.equal(digestOf(runTool("skopeo", "inspect", "--raw", `oci:${path}:multi`)), index.indexDescriptor.digest);
  const out = join(root, String(count++));
  runTool("skopeo", "copy", "--insecure-policy", "--override-arch", "arm64", `oci:${path}:multi`, `dir:${out}`);
  const arm = await readImage(openSource("oci", path), { platform: parsePlatform("linux/arm64") });
  assert.equal(digestOf(readFileSync(join(out, "manifest.json"))), arm.manifestDescriptor.digest);
});

for (const form of ["none", "gzip"] as const) {
  test(`umoci unpacks a layout with ${form} layers`, async (t) => {
    if (!hasTool(t, "umoci")) return;
    const path = await write("oci", sampleImage(form), "v1");
    const out = join(root, String(count++));
    const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
    runTool("umoci", "unpack", ...rootless, "--image", `${path}:v1`, out);
    assert.equal(readFileSync(join(out, "rootfs/etc/link"), "utf8"), "ID=sample\n");
    assert.equal(statSync(join(out, "rootfs/etc/note")).mode & 0o777, 0o600);
    assert.throws(() => statSync(join(out, "rootfs/etc/gone")));
  });
}

test("readImage reads what skopeo writes: layout, oci-archive and docker-archive", async (t) => {
  if (!hasTool(t, "skopeo")) return;
  const image = sampleImage("gzip");
  const path = await write("oci", image, "v1");
  for (const kind of ["oci", "oci-archive", "docker-archive"] as const) {
    const out = join(root, String(count++));
    runTool("skopeo", "copy", "--insecure-policy", `oci:${path}:v1`, `${kind}:${out}:localhost/app:1`);
    const found = await readImage(openSource(kind, out), kind === "docker-archive" ? { tag: "localhost/app:1" } : {});
    assert.deepEqual(found.layers.map((layer) => layer.diffId), image.layers.map((layer) => layer.diffId), kind);
    for (const layer of found.layers) for await (const _ of openLayerTar(layer));
  }
});

function podman(t: TestContext): readonly string[] | undefined {
  if (!hasTool(t, "podman")) return undefined;
  const dir = join(root, `podman-${count++}`);
  const places = ["--root", join(dir, "root"), "--runroot", join(dir, "run"), "--tmpdir", join(dir, "tmp")];
  return ["podman", ...places, "--storage-driver", "vfs"];
}

test("loadInto gives podman an image under its name, with the same image ID", async (t) => {
  const command = podman(t);
  if (command === undefined) return;
  const image = sampleIndex("zstd");
  const name = "localhost/sample:1";
  await loadInto("podman", sourceOf(image), { name, tmpDir: root, command, platform: parsePlatform("linux/amd64") });
  const [podmanName = "", ...args] = command;
  const [found] = JSON.parse(
    runTool(podmanName, ...args, "image", "inspect", name),
  ) as { Id: string; Digest: string }[];
  const amd64 = image.images[0];
  assert.equal(`sha256:${found?.Id}`, digestOf(amd64?.config ?? ""));
  assert.equal(found?.Digest, amd64?.manifestDescriptor.digest);
});

test("podman loads the docker-archive that docker would get", async (t) => {
  const command = podman(t);
  if (command === undefined) return;
  const image = sampleImage("zstd");
  const path = await write("docker-archive", image, "localhost/sample");
  const [podmanName = "", ...args] = command;
  runTool(podmanName, ...args, "load", "--input", path);
  const [found] = JSON.parse(
    runTool(podmanName, ...args, "image", "inspect", "localhost/sample:latest"),
  ) as { Id: string }[];
  assert.equal(`sha256:${found?.Id}`, digestOf(image.config));
});

test("loadInto says that the engine is missing, and what it said when it failed", async () => {
  const load = (command: string[]): Promise<string> =>
    loadInto("docker", sourceOf(sampleImage("none")), { name: "a:1", tmpDir: root, command });
  await assert.rejects(load([join(root, "absent")]), (error) => isAshlarError(error, "REGISTRY_ENGINE_MISSING"));
  await assert.rejects(
    load(["sh", "-c", "echo no daemon >&2; exit 3"]),
    (error) => isAshlarError(error, "REGISTRY_ENGINE_FAILED") && error.because[0] === "no daemon",
  );
  assert.match(await load(["sh", "-c", 'test -s "$2" && echo took $0 $1']), /^took load --input$/m);
});
