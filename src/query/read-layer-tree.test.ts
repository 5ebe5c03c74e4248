// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";

import { digestOf, type ImagePath, isAshlarError } from "../base/index.ts";
import type { Entry, TarEntry, TarVisitor, Tree } from "../formats/index.ts";
import { describeBytes, type Layer, mediaTypes, sourceOf } from "../oci/index.ts";
import { copyImage, openTarget } from "../registry/index.ts";
import {
  dir,
  file,
  imageOf,
  layerOf,
  link,
  type Member,
  type SampleForm,
  tarOf,
} from "../registry/testing/sample-image.ts";
import { hasTool, runTool } from "../registry/testing/tool.ts";
import { LayerStack, readLayerTree } from "./read-layer-tree.ts";

function shown(entry: Entry): string {
  const target = entry.type === "symlink" || entry.type === "hardlink" ? ` -> ${entry.target}` : "";
  const content = entry.type === "file" ? ` ${entry.sizeBytes} ${entry.content.slice(7, 13)}` : "";
  return `${entry.path} ${entry.type} ${entry.mode.toString(8)}${content}${target}`;
}

async function treeOf(...layers: readonly (readonly Member[])[]): Promise<Tree> {
  const forms: SampleForm[] = ["gzip", "zstd", "none"];
  const { tree } = await readLayerTree(
    layers.map((members, i) => layerOf(tarOf(...members), forms[i % 3] as SampleForm)),
  );
  return tree;
}

const pathsOf = async (...layers: readonly (readonly Member[])[]): Promise<string[]> =>
  (await treeOf(...layers)).map((entry) => `${entry.path} ${entry.type}`);

test("readLayerTree merges gzip, zstd and plain layers; implied parents are directories of root", async () => {
  const tree = await treeOf(
    [file("a/b/x", "one")],
    [file("a/b/x", "two", { mode: 0o4755 })],
    [dir("a"), link("a/l", "/etc")],
  );
  assert.deepEqual(tree.map(shown), [
    "a dir 755",
    "a/b dir 755",
    `a/b/x file 4755 3 ${digestOf("two").slice(7, 13)}`,
    "a/l symlink 777 -> /etc",
  ]);
});

test("readLayerTree takes files and directories away by whiteouts, wherever they stand", async () => {
  const lower = [file("d/a", "1"), file("d/b", "2"), file("e/f/g", "3")];
  assert.deepEqual(await pathsOf(lower, [file("d/.wh.a", ""), file(".wh.e", "")]), ["d dir", "d/b file"]);
  const again = [file("d/a", "new"), file("d/.wh.a", ""), file("e/h", "4"), file(".wh.e", "")];
  assert.deepEqual(await pathsOf(lower, again), ["d dir", "d/a file", "d/b file", "e dir", "e/h file"]);
});

test("readLayerTree empties opaque directories, before or after what their layer puts there", async () => {
  const lower = [file("d/a", "1"), file("d/s/x", "2")];
  const mark = file("d/.wh..wh..opq", "");
  const expected = ["d dir", "d/n file"];
  assert.deepEqual(await pathsOf(lower, [mark, file("d/n", "3")]), expected);
  assert.deepEqual(await pathsOf(lower, [file("d/n", "3"), mark]), expected);
  assert.deepEqual(await pathsOf(lower, [file("d/n", "3"), mark], [file("d/o", "4")]), [...expected, "d/o file"]);
});

test("readLayerTree takes a whiteout of a directory and of its child, and of what is not there", async () => {
  assert.deepEqual(await pathsOf([file("d/a", "1")], [file("d/.wh.a", ""), file(".wh.d", "")]), []);
  assert.deepEqual(await pathsOf([file("x", "1")], [file("no/such/.wh.a", ""), file(".wh.none", "")]), ["x file"]);
});

test("readLayerTree puts a file where a directory was and the other way round", async () => {
  assert.deepEqual(await pathsOf([file("d/a", "1")], [file("d", "2")]), ["d file"]);
  assert.deepEqual(await pathsOf([file("d", "1")], [dir("d"), file("d/a", "2")]), ["d dir", "d/a file"]);
  assert.deepEqual(await pathsOf([link("d", "/etc")], [dir("d"), file("d/a", "2")]), ["d dir", "d/a file"]);
});

test("readLayerTree keeps a hard link across layers and gives the first name of the group the file", async () => {
  const tree = await treeOf(
    [file("b", "x"), file("z", "y")],
    [link("a", "b", "hardlink"), link("c", "./b", "hardlink")],
  );
  assert.deepEqual(tree.map((entry) => shown(entry).replace(/ [0-9a-f]{6}$/, "")), [
    "a file 644 1", "b hardlink 644 -> a", "c hardlink 644 -> a", "z file 644 1",
  ]);
  const replaced = await treeOf([file("b", "x"), link("c", "b", "hardlink")], [file("b", "new")]);
  assert.deepEqual(replaced.map((entry) => entry.type), ["file", "file"]);
});

test("readLayerTree lets the last of two entries of a path win, and drops what a file buries", async () => {
  assert.deepEqual(await pathsOf([file("d/a", "1"), file("d", "2")]), ["d file"]);
  const tree = await treeOf([file("x", "1"), file("x", "2")]);
  assert.equal(tree[0]?.type === "file" && tree[0].content, digestOf("2"));
  assert.deepEqual(await pathsOf([file("A", "1"), file("a", "2")]), ["A file", "a file"]);
});

test("readLayerTree drops attributes that steer overlay file systems, and AUFS's own files", async () => {
  const xattrs = { "trusted.overlay.opaque": "eQ==", "user.overlay.redirect": "eA==", "user.note": "aGk=" };
  const tree = await treeOf([file("x", "1", { xattrs }), file(".wh..wh.plnk/1.2", "")]);
  assert.deepEqual(tree.map((entry) => entry.xattrs), [{ "user.note": "aGk=" }]);
});

test("readLayerTree keeps the bytes of the files it is asked for", async () => {
  const layers = [layerOf(tarOf(file("a", "keep"), file("b", "drop")), "gzip")];
  const { kept } = await readLayerTree(layers, { keep: (path) => path === "a" });
  assert.deepEqual(
    [...kept].map(([digest, bytes]) => [digest, Buffer.from(bytes).toString()]),
    [[digestOf("keep"), "keep"]],
  );
});

const raw = (path: string, type: "symlink" | "dir" = "dir"): Member =>
  type === "dir" ? [{ ...dir("x")[0], path: path as ImagePath }] : [
    { ...link("x", "/etc")[0], path: path as ImagePath },
  ];

const refused: readonly (readonly [what: string, code: string, layers: readonly (readonly Member[])[]])[] = [
  ["a file through a symlink of its layer", "QUERY_LAYER_PARENT", [[link("a", "/etc"), file("a/passwd", "x")]]],
  ["a file through a symlink of a lower layer", "QUERY_LAYER_PARENT", [[link("a", "/etc")], [file("a/passwd", "x")]]],
  ["a file below a file", "QUERY_LAYER_PARENT", [[file("a", "1"), file("a/b", "2")]]],
  ["a path that leads out", "PATH_INVALID", [[raw("../x")]]],
  ["an absolute path", "PATH_INVALID", [[raw("/x")]]],
  ["a symlink as root", "QUERY_LAYER_TYPE", [[raw(".", "symlink")]]],
  ["a hard link to what is not there", "QUERY_LAYER_HARDLINK", [[link("a", "b", "hardlink")]]],
  ["a hard link to a later file", "QUERY_LAYER_HARDLINK", [[link("a", "b", "hardlink"), file("b", "1")]]],
  ["a hard link to itself", "QUERY_LAYER_HARDLINK", [[link("a", "a", "hardlink")]]],
  ["a hard link to a directory", "QUERY_LAYER_HARDLINK", [[dir("d"), link("a", "d", "hardlink")]]],
  ["a hard link to what the layer took away", "QUERY_LAYER_HARDLINK",
    [[file("b", "1")], [file(".wh.b", ""), link("a", "b", "hardlink")]]],
  ["a hard link into what the layer made opaque", "QUERY_LAYER_HARDLINK",
    [[file("d/b", "1")], [file("d/.wh..wh..opq", ""), link("a", "d/b", "hardlink")]]],
  ["an absolute hard link", "PATH_INVALID", [[file("b", "1"), link("a", "/b", "hardlink")]]],
  ["a hard link that leads out", "PATH_INVALID", [[link("a", "../../etc/passwd", "hardlink")]]],
  ["a whiteout of nothing", "QUERY_LAYER_WHITEOUT", [[file(".wh.", "")]]],
  ["a whiteout of .", "QUERY_LAYER_WHITEOUT", [[file("d/.wh..", "")]]],
  ["a whiteout of ..", "QUERY_LAYER_WHITEOUT", [[file("d/.wh...", "")]]],
  ["a file below a whiteout", "QUERY_LAYER_WHITEOUT", [[file(".wh.d/a", "")]]],
  ["a directory as whiteout", "QUERY_LAYER_WHITEOUT", [[dir(".wh.d")]]],
];

for (const [what, code, layers] of refused) {
  test(`readLayerTree refuses ${what}`, async () => {
    await assert.rejects(treeOf(...layers), (error) => isAshlarError(error, code));
  });
}

test("readLayerTree refuses a layer whose tar is not its diffId, and one that ends early", async () => {
  const honest = layerOf(tarOf(file("a", "1")), "gzip");
  const swapped: Layer = { ...layerOf(tarOf(file("a", "2")), "gzip"), diffId: honest.diffId };
  await assert.rejects(readLayerTree([swapped]), (error) => isAshlarError(error, "OCI_DIFF_ID"));
  const cut = tarOf(file("a", "1")).subarray(0, 512);
  await assert.rejects(readLayerTree([layerOf(cut, "none")]), (error) => isAshlarError(error, "FORMATS_TAR_TRUNCATED"));
});

test("readLayerTree stops at a gzip bomb of 256 MiB zeros in bounded memory", async () => {
  const piece = gzipSync(Buffer.alloc(16 << 20));
  const blob = Buffer.concat(Array<Buffer>(16).fill(piece));
  const descriptor = describeBytes(mediaTypes.layerGzip, blob);
  async function* open(): AsyncGenerator<Uint8Array> {
    yield blob;
  }
  const before = process.memoryUsage().rss;
  await assert.rejects(readLayerTree([{ descriptor, diffId: digestOf("x"), open }]), (error) => isAshlarError(error));
  assert.ok(process.memoryUsage().rss - before < 200 << 20);
});

test("readLayerTree refuses hundreds of thousands of directories implied by few entries", async () => {
  const deep = "d/".repeat(250);
  const members = Array.from({ length: 900 }, (_, i) => file(`${i}/${deep}x`, ""));
  await assert.rejects(treeOf(members), (error) => isAshlarError(error, "QUERY_LAYER_LIMIT"));
});

test("LayerStack refuses names that would not fit into a tree", async () => {
  const name = "\u0001".repeat(200).concat("/").repeat(19) + "x";
  const numbers = { mode: 0, uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0, major: 0, minor: 0 };
  const entry: TarEntry = { ...numbers, name, type: "fifo", linkName: "" };
  const repeat = (count: number) => (visitor: TarVisitor): void => {
    for (let i = 0; i < count; i++) {
      visitor.entry(entry);
      visitor.endEntry();
    }
  };
  await new LayerStack().add("layer", repeat(4_000));
  await assert.rejects(new LayerStack().add("layer", repeat(5_000)), (e) => isAshlarError(e, "QUERY_LAYER_LIMIT"));
});

const root = mkdtempSync(join(tmpdir(), "ashlar-layers-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** path, type, mode and target of everything below a directory. */
function listing(base: string): string[] {
  return readdirSync(base, { recursive: true, encoding: "utf8" }).map((path) => {
    const stat = lstatSync(join(base, path));
    if (stat.isSymbolicLink()) return `${path} -> ${readlinkSync(join(base, path))}`;
    const mode = (stat.mode & 0o7777).toString(8);
    return stat.isDirectory() ? `${path} dir ${mode} ` : `${path} file ${mode} ${stat.size}`;
  }).sort();
}

test("readLayerTree sees the tree that umoci unpacks", async (t) => {
  if (!hasTool(t, "umoci")) return;
  const tars = [
    tarOf(
      ...[dir("usr"), dir("usr/bin"), dir("var"), dir("var/cache"), dir("opt"), link("bin", "usr/none")],
      ...[file("usr/bin/a", "a", { mode: 0o755 }), file("usr/bin/b", "b"), file("var/cache/x", "x")],
      file("opt/old", "o"),
    ),
    tarOf(
      ...[dir("usr"), dir("usr/bin"), file("usr/bin/.wh.b", ""), link("usr/bin/c", "usr/bin/a", "hardlink")],
      ...[file(".wh.opt", ""), dir("var"), dir("var/cache"), file("var/cache/.wh..wh..opq", "")],
      file("var/cache/y", "yy", { mode: 0o600 }),
    ),
    tarOf(dir("opt"), file("opt/new", "nn"), file("var/.wh.nothing", "")),
  ];
  const target = openTarget("oci", join(root, "image"));
  await copyImage(sourceOf(imageOf(tars, "gzip")), target, { tag: "v1" });
  await target.finish();
  const rootless = process.getuid?.() === 0 ? [] : ["--rootless"];
  runTool("umoci", "unpack", ...rootless, "--image", `${join(root, "image")}:v1`, join(root, "bundle"));
  const { tree } = await readLayerTree(tars.map((tar) => layerOf(tar, "zstd")));
  const files = new Map(tree.flatMap((entry) => (entry.type === "file" ? [[entry.path, entry.sizeBytes]] : [])));
  const ours = tree.map((entry) => {
    if (entry.type === "symlink") return `${entry.path} -> ${entry.target}`;
    const size = entry.type === "hardlink" ? files.get(entry.target) : files.get(entry.path);
    return `${entry.path} ${entry.type === "dir" ? "dir" : "file"} ${entry.mode.toString(8)} ${size ?? ""}`;
  });
  assert.deepEqual(ours.sort(), listing(join(root, "bundle/rootfs")));
});

test("readLayerTree takes another name of a symlink for a symlink, as link(2) does", async () => {
  const tar = tarOf(link("s", "x"), link("a", "s", "hardlink"));
  const { tree } = await readLayerTree([layerOf(tar, "none")]);
  assert.deepEqual(tree.map(({ path, type, ...rest }) => [path, type, "target" in rest && rest.target]), [
    ["a", "symlink", "x"], ["s", "symlink", "x"],
  ]);
});

test("readLayerTree takes a layer that ends behind its last file, as some write them, and none cut", async () => {
  const whole = tarOf(file("a", "1"), file("b", "two"));
  for (const length of [1536 + 3, 2048, 2048 + 512]) {
    const { tree } = await readLayerTree([layerOf(whole.subarray(0, length), "none")]);
    assert.deepEqual(tree.map((entry) => entry.path), ["a", "b"]);
  }
  for (const length of [100, 512, 1024 + 100, 1536, 1536 + 2]) {
    const layer = layerOf(whole.subarray(0, length), "none");
    await assert.rejects(readLayerTree([layer]), (error) => isAshlarError(error, "FORMATS_TAR_TRUNCATED"));
  }
});
