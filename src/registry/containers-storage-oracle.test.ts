// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { digestOf, type ImagePath } from "../base/index.ts";
import { openLayerTar, type OpenImage, sourceOf } from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { openSource, openTarget, type PlaceKind } from "./place-kinds.ts";
import { readImage } from "./read-image.ts";
import { dir, file, imageOf, link, tarOf } from "./testing/sample-image.ts";
import { hasTool, runTool } from "./testing/tool.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-engine-"));
after(() => rmSync(root, { recursive: true, force: true }));

const long = "long-".repeat(30);
const lower = tarOf(
  dir("etc"),
  file("etc/os-release", "ID=sample\n"),
  file("etc/gone", "x"),
  dir("etc/hidden"),
  file("etc/hidden/low", "low"),
  link("etc/link", "os-release"),
  link("etc/same", "etc/os-release", "hardlink"),
  dir(long),
  file(`${long}/${long}`, "a name for a pax header", { mode: 0o4755 }),
  file("large", Buffer.alloc(3_000_001, "large ")),
  file("b", "not UTF-8", { path: "etc/b\udcff" as ImagePath }),
  file("empty", ""),
);
const upper = tarOf(
  dir("etc"),
  file("etc/.wh.gone", ""),
  dir("etc/hidden"),
  file("etc/hidden/.wh..wh..opq", ""),
  file("etc/hidden/high", "high"),
);
const name = "localhost/sample:1";

/** Reads an image whole, so that every diffId is proven. */
async function readWhole(kind: PlaceKind, path: string, tag: string): Promise<OpenImage> {
  const image = await readImage(openSource(kind, path), { tag });
  for (const layer of image.layers) for await (const _ of openLayerTar(layer));
  return image;
}

const drivers = process.getuid?.() === 0 ? (["overlay", "vfs"] as const) : (["vfs"] as const);
for (const driver of drivers) {
  test(`containersStorageSource reads what podman's ${driver} holds as podman and skopeo do`, async (t) => {
    if (!hasTool(t, "podman") || !hasTool(t, "skopeo")) return;
    const image = imageOf([lower, upper], "gzip");
    const archive = join(root, `${driver}.tar`);
    const target = openTarget("oci-archive", archive);
    await copyImage(sourceOf(image), target, { tag: name });
    await target.finish();
    const [storage, state] = [join(root, driver), join(root, `${driver}-run`)];
    const podman = ["--root", storage, "--runroot", state, "--tmpdir", join(root, "tmp"), "--storage-driver", driver];
    runTool("podman", ...podman, "load", "--quiet", "--input", archive);
    const ours = await readWhole("containers-storage", storage, name);
    assert.equal(digestOf(ours.config), digestOf(image.config));
    assert.deepEqual(ours.layers.map((layer) => layer.diffId), image.layers.map((layer) => layer.diffId));

    const saved = join(root, `${driver}-saved.tar`);
    runTool("podman", ...podman, "save", "--quiet", "--format", "docker-archive", "--output", saved, name);
    const theirs = await readWhole("docker-archive", saved, name);
    assert.deepEqual(ours.parsedManifest, theirs.parsedManifest);

    const layout = join(root, `${driver}-layout`);
    const place = `containers-storage:[${driver}@${storage}+${state}]${name}`;
    runTool("skopeo", "copy", "--quiet", "--insecure-policy", place, `oci:${layout}:1`);
    const copied = await readWhole("oci", layout, "1");
    assert.equal(digestOf(copied.config), digestOf(ours.config));
    assert.deepEqual(copied.layers.map((layer) => layer.diffId), ours.layers.map((layer) => layer.diffId));
    if (driver === "overlay") runTool("podman", ...podman, "rmi", "--force", name);
  });
}
