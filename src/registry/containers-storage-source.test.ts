// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { AshlarError, digestOf, type ImagePath, isAshlarError } from "../base/index.ts";
import { openLayerTar } from "../oci/index.ts";
import { splitPlace } from "./parse-place.ts";
import { openSource, openTarget } from "./place-kinds.ts";
import { readImage } from "./read-image.ts";
import { dir, file, link, type Member, tarOf } from "./testing/sample-image.ts";
import { changeSplit, type StoredImage, writeStorage } from "./testing/storage-dir.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-storage-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;
const fresh = (): string => join(root, String(count++));

const lower: readonly Member[] = [
  dir("etc"),
  file("etc/os-release", "ID=sample\n"),
  file("etc/large", "x".repeat(3_000_000)),
  file("etc/empty", ""),
  link("etc/link", "os-release"),
  link("etc/same", "etc/os-release", "hardlink"),
  file("etc/b", "not UTF-8", { path: "etc/b\udcff" as ImagePath }),
];
const upper: readonly Member[] = [dir("etc"), file("etc/.wh.link", ""), file("etc/note", "n")];

async function tarsOf(path: string, tag?: string): Promise<Buffer[]> {
  const image = await readImage(openSource("containers-storage", path), { tag });
  const tars: Buffer[] = [];
  for (const layer of image.layers) {
    const pieces: Uint8Array[] = [];
    for await (const piece of openLayerTar(layer)) pieces.push(piece);
    tars.push(Buffer.concat(pieces));
  }
  return tars;
}

for (const driver of ["overlay", "vfs"] as const) {
  test(`containersStorageSource makes each tar of a ${driver} storage again, byte for byte`, async () => {
    const stored = writeStorage(fresh(), [lower, upper], { driver });
    assert.deepEqual(await tarsOf(stored.root), [lower, upper].map((members) => Buffer.from(tarOf(...members))));
    const image = await readImage(openSource("containers-storage", stored.root));
    assert.equal(digestOf(image.config), `sha256:${stored.id}`);
  });
}

test("containersStorageSource takes the size of a layer from its tar-split where the list has none", async () => {
  const stored = writeStorage(fresh(), [lower, upper]);
  const layers = JSON.parse(readFileSync(stored.paths.layers, "utf8")) as Record<string, unknown>[];
  writeFileSync(stored.paths.layers, JSON.stringify(layers.map(({ "diff-size": _, ...rest }) => rest)));
  assert.equal((await tarsOf(stored.root)).length, 2);
});

test("a tag of containers-storage is a whole name, a short one, or an image ID or its beginning", async () => {
  const names = ["localhost/app:latest", "docker.io/library/debian:12", "registry.example.com:5000/a/b:1"];
  const { root: path, id } = writeStorage(fresh(), [upper], { names });
  const good = [...names, "app", "localhost/app", "debian:12", "library/debian:12", id, id.slice(0, 6)];
  for (const tag of good) assert.equal((await tarsOf(path, tag)).length, 1, tag);
  for (const tag of ["debian", "b:1", "app:1", id.slice(0, 5), "feedbeef"]) {
    await assert.rejects(tarsOf(path, tag), (error) => isAshlarError(error, "OCI_IMAGE_MISSING"), tag);
  }
});

test("containersStorageSource asks for a name where there are several images, or several IDs", async () => {
  const stored = writeStorage(fresh(), [upper]);
  const [image] = JSON.parse(readFileSync(stored.paths.images, "utf8")) as Record<string, unknown>[];
  const other = { ...image, id: `${stored.id.slice(0, 8)}${"0".repeat(56)}`, names: ["localhost/other:1"] };
  writeFileSync(stored.paths.images, JSON.stringify([image, other]));
  for (const tag of [undefined, stored.id.slice(0, 8)]) {
    await assert.rejects(
      tarsOf(stored.root, tag),
      (error) => isAshlarError(error, "OCI_IMAGE_AMBIGUOUS") && /localhost\/other:1/.test(error.hint ?? ""),
    );
  }
  assert.equal((await tarsOf(stored.root, "app")).length, 1);
});

test("splitPlace reads [DIR]NAME:TAG of containers-storage", () => {
  const cases: readonly [text: string, path: string, tag: string | undefined][] = [
    ["[/var/lib/x]localhost/app:1", "/var/lib/x", "localhost/app:1"],
    ["[a:b/c]app", "a:b/c", "app"],
    ["[/x]", "/x", undefined],
    ["localhost:5000/app:1", "", "localhost:5000/app:1"],
    ["", "", undefined],
    ["[/x", "", "[/x"],
  ];
  for (const [text, path, tag] of cases) assert.deepEqual(splitPlace("containers-storage", text), { path, tag }, text);
});

test("openTarget refuses containers-storage, which its engine writes", () => {
  assert.throws(() => openTarget("containers-storage", root), (error) => isAshlarError(error, "REGISTRY_READ_ONLY"));
});

const note = (stored: StoredImage): string => join(stored.paths.files[1] as string, "etc/note");
const split = (stored: StoredImage): string => stored.paths.splits[1] as string;
const swap = (path: string, put: () => void): void => {
  rmSync(path, { recursive: true });
  put();
};
const edit = (path: string, from: string | RegExp, to: string): void =>
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));

const damages: readonly (readonly [what: string, code: string, damage: (stored: StoredImage) => void])[] = [
  ["a directory that is none", "REGISTRY_STORAGE", ({ paths }) => rmSync(dirname(paths.images), { recursive: true })],
  ["a list of images that is not JSON", "OCI_JSON", ({ paths }) => writeFileSync(paths.images, "[{")],
  ["a list that is an object", "OCI_FIELD", ({ paths }) => writeFileSync(paths.images, "{}")],
  ["no list of layers", "OCI_BLOB_MISSING", ({ paths }) => rmSync(paths.layers)],
  ["an image ID that leads out", "OCI_FIELD", ({ paths, id }) => edit(paths.images, id, "../../../../etc")],
  ["a layer ID that leads out", "OCI_FIELD", ({ paths }) => edit(paths.layers, /"id":"\w{60}/, '"id":"../')],
  ["a layer that is not there", "REGISTRY_STORAGE", ({ paths }) => writeFileSync(paths.layers, "[]")],
  ["layers that go round", "REGISTRY_STORAGE", ({ paths }) => {
    const [low, high] = JSON.parse(readFileSync(paths.layers, "utf8")) as { id: string }[];
    writeFileSync(paths.layers, JSON.stringify([{ ...low, parent: high?.id }, high]));
  }],
  ["fewer layers than the config names", "OCI_LAYER_COUNT", ({ paths }) => edit(paths.layers, '"parent"', '"x"')],
  ["no manifest", "OCI_BLOB_MISSING", ({ paths }) => rmSync(paths.manifest)],
  ["a config that was changed", "OCI_BLOB_DIGEST", ({ paths }) => edit(paths.config, "amd64", "arm64")],
  ["a list above its limit", "OCI_LIMIT", ({ paths }) => truncateSync(paths.layers, 65 << 20)],
  ["no tar-split", "REGISTRY_STORAGE", (stored) => rmSync(split(stored))],
  ["a tar-split that is cut off", "FORMATS_DECOMPRESS_INVALID", (stored) => truncateSync(split(stored), 60)],
  ["a tar-split of nothing but line ends", "FORMATS_TAR_SPLIT", (stored) =>
    writeFileSync(split(stored), Buffer.concat(Array(40).fill(gzipSync(Buffer.alloc(1 << 20, "\n")))))],
  ["a line without an end", "FORMATS_TAR_SPLIT", (stored) =>
    writeFileSync(split(stored), gzipSync(Buffer.concat([Buffer.alloc(17 << 20, "["), gzipSync("")])))],
  ["lines out of order", "FORMATS_TAR_SPLIT", (stored) => changeSplit(split(stored), (text) =>
    text.split("\n").reverse().join("\n"))],
  ["a header that was changed", "OCI_BLOB_DIGEST", (stored) => changeSplit(split(stored), (text) =>
    text.replace("AAAA", "AAAB"))],
  ["an entry left out", "OCI_BLOB_SIZE", (stored) => changeSplit(split(stored), (text) =>
    text.replace('"size":1', '"size":0'))],
  ["a name that leads out", "PATH_INVALID", (stored) => changeSplit(split(stored), (text) =>
    text.replace('"etc/note"', '"../../../etc/note"'))],
  ["content for the root", "REGISTRY_STORAGE", (stored) => changeSplit(split(stored), (text) =>
    text.replace('"etc/note"', '"./"'))],
  ["a size of another file", "REGISTRY_STORAGE", (stored) => changeSplit(split(stored), (text) =>
    text.replace('"size":1', '"size":9007199254740991'))],
  ["a file that is gone", "REGISTRY_STORAGE", (stored) => rmSync(note(stored))],
  ["a file that was changed", "REGISTRY_STORAGE", (stored) => writeFileSync(note(stored), "m")],
  ["a file that has become longer", "REGISTRY_STORAGE", (stored) => writeFileSync(note(stored), "nn")],
  ["a symbolic link in a file's place", "REGISTRY_STORAGE", (stored) =>
    swap(note(stored), () => symlinkSync("../../secret", note(stored)))],
  ["a symbolic link on the way to a file", "REGISTRY_STORAGE", (stored) => {
    renameSync(dirname(note(stored)), join(root, `moved-${count++}`));
    symlinkSync(join(root, `moved-${count - 1}`), dirname(note(stored)));
  }],
  ["a fifo in a file's place", "REGISTRY_STORAGE", (stored) =>
    swap(note(stored), () => void execFileSync("mkfifo", [note(stored)]))],
];

for (const [what, code, damage] of damages) {
  test(`containersStorageSource refuses ${what}`, async () => {
    const stored = writeStorage(fresh(), [lower, upper]);
    damage(stored);
    await assert.rejects(tarsOf(stored.root), (error) => {
      assert.ok(error instanceof AshlarError, String(error));
      assert.equal(error.code, code, error.message);
      return true;
    });
  });
}

test("a file that only the storage's owner may read says how to read it", async () => {
  const stored = writeStorage(fresh(), [lower, upper]);
  chmodSync(root, 0o755);
  chmodSync(note(stored), 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await assert.rejects(
      tarsOf(stored.root),
      (error) => isAshlarError(error, "REGISTRY_STORAGE") && /podman unshare/.test(error.hint ?? ""),
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test("an absolute name in a tar is one below the layer's root, as engines take it", async () => {
  const stored = writeStorage(fresh(), [upper]);
  changeSplit(stored.paths.splits[0] as string, (text) => text.replace('"etc/note"', '"/etc/note"'));
  assert.deepEqual(await tarsOf(stored.root), [Buffer.from(tarOf(...upper))]);
});
