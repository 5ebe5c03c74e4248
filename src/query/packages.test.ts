// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf, isAshlarError } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { dir, file, layerOf, tarOf } from "../registry/testing/sample-image.ts";
import { diffPackages, type InstalledPackage } from "./diff-packages.ts";
import { readLayerTree } from "./read-layer-tree.ts";
import { isPackageDatabase, readPackages } from "./read-packages.ts";

const status = `Package: zlib1g
Status: install ok installed
Source: zlib (1:1.2.13.dfsg-1)
Version: 1:1.2.13.dfsg-1+b1
Architecture: amd64

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: half
Status: install ok half-configured
Version: 2
Architecture: all
`;

function read(...files: readonly (readonly [Entry, Uint8Array])[]): readonly InstalledPackage[] {
  const contents = new Map<Digest, Uint8Array>(files.map(([, bytes]) => [digestOf(bytes), bytes]));
  return readPackages(makeTree(files.map(([entry]) => entry)), (content) => contents.get(content) as Uint8Array);
}

test("readPackages reads dpkg's status: what is there, not what left only configuration", () => {
  assert.deepEqual(read(file("var/lib/dpkg/status", status)), [
    { name: "half", version: "2", architecture: "all", sourceName: "half" },
    { name: "zlib1g", version: "1:1.2.13.dfsg-1+b1", architecture: "amd64", sourceName: "zlib" },
  ]);
});

test("readPackages reads status.d of distroless images, without Status and without the md5sums", () => {
  const found = read(
    file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2025a\nArchitecture: all\n"),
    file("var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/x\n"),
    file("var/lib/dpkg/status", ""),
  );
  assert.deepEqual(found.map((item) => `${item.name} ${item.version}`), ["tzdata 2025a"]);
});

test("readPackages refuses a damaged database and finds nothing in an image without one", () => {
  assert.throws(
    () => read(file("var/lib/dpkg/status", " x\n")),
    (error) => isAshlarError(error, "DEBIAN_CONTROL_INVALID"),
  );
  assert.deepEqual(read(file("etc/passwd", "x")), []);
});

test("readPackages reads what readLayerTree kept", async () => {
  const tar = tarOf(dir("var"), file("var/lib/dpkg/status", status), file("var/lib/dpkg/other", "no"));
  const { tree, kept } = await readLayerTree([layerOf(tar, "gzip")], { keep: isPackageDatabase });
  assert.equal(kept.size, 1);
  assert.equal(readPackages(tree, (content) => kept.get(content) as Uint8Array).length, 2);
});

const item = (name: string, version: string, architecture = "amd64"): InstalledPackage => ({
  name, version, architecture, sourceName: name,
});

test("diffPackages orders versions as dpkg does", () => {
  const before = [item("a", "1.9"), item("b", "2"), item("c", "1"), item("d", "1")];
  const after = [item("a", "1.10"), item("b", "1:1"), item("c", "1~rc1"), item("e", "1")];
  const diff = diffPackages(before, after);
  assert.deepEqual(
    diff.changed.map((change) => `${change.name} ${change.direction}`),
    ["a upgraded", "b upgraded", "c downgraded"],
  );
  assert.deepEqual(diff.removed.map((gone) => gone.name), ["d"]);
  assert.deepEqual(diff.added.map((come) => come.name), ["e"]);
});

test("diffPackages keeps architectures apart, and sees one package that became architecture all", () => {
  const diff = diffPackages(
    [item("a", "1"), item("b", "1")],
    [item("a", "1"), item("a", "1", "arm64"), item("b", "1", "all")],
  );
  assert.deepEqual(diff.added, [item("a", "1", "arm64")]);
  assert.deepEqual(diff.removed, []);
  assert.deepEqual(diff.changed.map((change) => `${change.name} ${change.direction}`), ["b other"]);
});
