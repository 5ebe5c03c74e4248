// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { digestOf, isAshlarError } from "../base/index.ts";
import {
  describeBytes, type Descriptor, encodeIndex, type Image, type ImageSource, mediaTypes, openLayerTar, parseManifest,
  encodeManifest, sourceOf,
} from "../oci/index.ts";
import { copyImage } from "./copy-image.ts";
import { fuzzTargets } from "./fuzz.ts";
import { memoryPlace } from "./memory-place.ts";
import { openSource, openTarget } from "./place-kinds.ts";
import { readImage } from "./read-image.ts";
import { file, layerOf, link, type Member, sampleImage, tarOf } from "./testing/sample-image.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-hostile-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;

function tarFile(...members: readonly Member[]): string {
  const path = join(root, `${count++}.tar`);
  writeFileSync(path, tarOf(...members));
  return path;
}

const json = (value: unknown): string => JSON.stringify(value);
const config = json({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digestOf(tarOf())] } });
const image = (change: object = {}): string => json(
  [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l/layer.tar"], ...change }],
);

test("dockerArchiveSource reads an old archive: layer directories, symlinks among them", async () => {
  const path = tarFile(
    file("c.json", config),
    file("real/layer.tar", tarOf()),
    link("l/layer.tar", "../real/layer.tar"),
    file("manifest.json", image()),
  );
  const found = await readImage(openSource("docker-archive", path), { tag: "a:1" });
  for (const layer of found.layers) for await (const _ of openLayerTar(layer));
  assert.equal(found.layers[0]?.diffId, digestOf(tarOf()));
});

test("dockerArchiveSource reads gzip layers, and refuses one whose tar is not its diffId (gzip swap)", async () => {
  const make = (tar: Uint8Array): string =>
    tarFile(file("c.json", config), file("l/layer.tar", gzipSync(tar)), file("manifest.json", image()));
  const read = async (path: string): Promise<void> => {
    const found = await readImage(openSource("docker-archive", path));
    for (const layer of found.layers) for await (const _ of openLayerTar(layer));
  };
  await read(make(tarOf()));
  await assert.rejects(read(make(tarOf(file("evil", "x")))), (error) => isAshlarError(error, "OCI_DIFF_ID"));
});

const badArchives: readonly (readonly [what: string, code: string, make: () => string])[] = [
  ["no manifest.json", "OCI_BLOB_MISSING", () => tarFile(file("c.json", config))],
  [
    "a config that leads out",
    "PATH_INVALID",
    () => tarFile(file("manifest.json", image({ Config: "../../etc/passwd" }))),
  ],
  [
    "an absolute layer",
    "PATH_INVALID",
    () => tarFile(file("c.json", config), file("manifest.json", image({ Layers: ["/etc/passwd"] }))),
  ],
  [
    "a layer that is not there",
    "OCI_BLOB_MISSING",
    () => tarFile(file("c.json", config), file("manifest.json", image())),
  ],
  ["a layer that is a symlink out of the archive", "OCI_BLOB_MISSING", () =>
    tarFile(file("c.json", config), link("l/layer.tar", "/etc/passwd"), file("manifest.json", image()))],
  ["a layer that is a symlink to itself", "OCI_BLOB_MISSING", () =>
    tarFile(file("c.json", config), link("l/layer.tar", "layer.tar"), file("manifest.json", image()))],
  ["more layers than diff_ids", "OCI_LAYER_COUNT", () => {
    const twice = image({ Layers: ["l/layer.tar", "l/layer.tar"] });
    return tarFile(file("c.json", config), file("l/layer.tar", tarOf()), file("manifest.json", twice));
  }],
  ["a member twice", "REGISTRY_ARCHIVE", () => tarFile(file("manifest.json", image()), file("manifest.json", image()))],
  ["a manifest.json of 5 MiB", "OCI_LIMIT", () => tarFile(file("manifest.json", " ".repeat(5 << 20)))],
  ["a list of 10^6 empty images", "OCI_FIELD", () => tarFile(file("manifest.json", `[${"{},".repeat(1_000_000)}{}]`))],
  ["keys in another case", "OCI_FIELD", () => tarFile(file("manifest.json", image({ layers: [] })))],
  ["a compressed archive", "REGISTRY_ARCHIVE", () => {
    const path = join(root, `${count++}.tar.gz`);
    writeFileSync(path, gzipSync(tarOf()));
    return path;
  }],
  ["an archive without its end", "REGISTRY_ARCHIVE", () => {
    const path = join(root, `${count++}.tar`);
    writeFileSync(path, tarOf(file("manifest.json", image())).subarray(0, 700));
    return path;
  }],
  ["an empty file", "REGISTRY_ARCHIVE", () => {
    const path = join(root, `${count++}.tar`);
    writeFileSync(path, "");
    return path;
  }],
  ["a directory", "REGISTRY_READ", () => root],
  ["a file that is not there", "OCI_BLOB_MISSING", () => join(root, "absent")],
];

for (const [what, code, make] of badArchives) {
  test(`dockerArchiveSource refuses ${what}`, async () => {
    await assert.rejects(openSource("docker-archive", make()).resolve(), (error) => isAshlarError(error, code));
  });
}

test("layoutSource refuses a missing mark, another version and an index.json that is a manifest", async () => {
  const layout = (mark: string, index: string): ImageSource => {
    const dir = join(root, String(count++));
    mkdirSync(dir);
    writeFileSync(join(dir, "oci-layout"), mark);
    writeFileSync(join(dir, "index.json"), index);
    return openSource("oci", dir);
  };
  const index = Buffer.from(encodeIndex({ mediaType: mediaTypes.index, manifests: [] })).toString();
  const refuses = (source: ImageSource, code: string): Promise<void> =>
    assert.rejects(source.resolve(), (error) => isAshlarError(error, code));
  await refuses(openSource("oci", join(root, "absent")), "REGISTRY_LAYOUT");
  await refuses(layout('{"imageLayoutVersion":"2.0.0"}', index), "REGISTRY_LAYOUT");
  await refuses(layout('{"imageLayoutVersion":"1.0.0"}', index), "OCI_IMAGE_MISSING");
  const manifest = Buffer.from(sampleImage("none").manifest).toString();
  await refuses(layout('{"imageLayoutVersion":"1.0.0"}', manifest), "OCI_FIELD");
});

test("layoutSource does not hang on a device behind a blob's name", async () => {
  const dir = join(root, String(count++));
  const target = openTarget("oci", dir);
  const sample = sampleImage("none");
  await copyImage(sourceOf(sample), target);
  await target.finish();
  const path = join(dir, "blobs/sha256", sample.manifestDescriptor.digest.slice(7));
  rmSync(path);
  symlinkSync("/dev/zero", path);
  await assert.rejects(readImage(openSource("oci", dir)), (error) => isAshlarError(error, "REGISTRY_READ"));
});

/** A source that gives what it is told to, whatever a descriptor says. */
function forged(root: Descriptor, documents: readonly (readonly [Descriptor, Uint8Array])[], base: Image): ImageSource {
  const bytes = new Map(documents.map(([descriptor, value]) => [descriptor.digest, value]));
  const honest = sourceOf(base);
  return { ...honest, resolve: async () => root, manifest: async (d) => bytes.get(d.digest) ?? honest.manifest(d) };
}

test("copyImage refuses indexes nested deeper than 4, and takes 4", async () => {
  const base = sampleImage("none");
  for (const [depth, works] of [[4, true], [5, false]] as const) {
    const documents: [Descriptor, Uint8Array][] = [];
    let node = base.manifestDescriptor;
    for (let i = 0; i < depth; i++) {
      const bytes = encodeIndex({ mediaType: mediaTypes.index, manifests: [node] });
      node = describeBytes(mediaTypes.index, bytes);
      documents.push([node, bytes]);
    }
    const copy = copyImage(forged(node, documents, base), memoryPlace());
    if (works) assert.equal((await copy).digest, node.digest);
    else await assert.rejects(copy, (error) => isAshlarError(error, "OCI_LIMIT"));
  }
});

test("copyImage and readImage refuse a manifest that is not the described one, or calls itself an index", async () => {
  const base = sampleImage("none");
  const other = sampleImage("none", "other");
  const swapped = forged(base.manifestDescriptor, [[base.manifestDescriptor, other.manifest]], base);
  for (const work of [copyImage(swapped, memoryPlace()), readImage(swapped)]) {
    await assert.rejects(work, (error) => isAshlarError(error, "OCI_BLOB_DIGEST"));
  }
  const asIndex = { ...base.manifestDescriptor, mediaType: mediaTypes.index };
  const confused = forged(asIndex, [[asIndex, base.manifest]], base);
  for (const work of [copyImage(confused, memoryPlace()), readImage(confused)]) {
    await assert.rejects(work, (error) => isAshlarError(error, "OCI_FIELD"));
  }
  const huge = { ...base.manifestDescriptor, sizeBytes: 5 << 20 };
  await assert.rejects(copyImage(forged(huge, [], base), memoryPlace()), (error) => isAshlarError(error, "OCI_LIMIT"));
});

test("dockerArchiveTarget refuses layers that are not the config's, and foreign layers", async () => {
  const base = sampleImage("gzip");
  const evil = layerOf(tarOf(file("evil", "x")), "gzip");
  const parsed = parseManifest(base.manifest);
  const refuses = async (layer: Descriptor, code: string): Promise<void> => {
    const manifest = encodeManifest({ ...parsed, layers: [layer, ...parsed.layers.slice(1)] });
    const descriptor = describeBytes(mediaTypes.manifest, manifest);
    const source = forged(descriptor, [[descriptor, manifest]], base);
    const blob: ImageSource["blob"] = (d) => (d.digest === evil.descriptor.digest ? evil.open() : source.blob(d));
    const target = openTarget("docker-archive", join(root, `${count++}.tar`));
    await assert.rejects(copyImage({ ...source, blob }, target), (error) => isAshlarError(error, code));
    await target.abort();
  };
  await refuses(evil.descriptor, "OCI_DIFF_ID");
  const foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  await refuses({ ...evil.descriptor, mediaType: foreign }, "OCI_MEDIA_TYPE");
});

test("each fuzz target accepts its own seeds", async () => {
  for (const target of fuzzTargets) for (const seed of target.seeds()) await target.run(seed);
});
