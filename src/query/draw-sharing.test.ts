// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test, type TestContext } from "node:test";

import { drawSharing } from "./draw-sharing.ts";
import type { ImageShare, Sharing } from "./measure-sharing.ts";

function share(name: string, own: number, some: number, all: number): ImageShare {
  const storedBytes = own + some + all;
  const parts = { ownBytes: own, withSomeBytes: some, withAllBytes: all };
  return { name, files: 3, contents: 3, rawBytes: 2 * storedBytes, storedBytes, ...parts, layerBytes: storedBytes };
}

function sharingOf(images: readonly ImageShare[]): Sharing {
  const group = { contents: 1, rawBytes: 2e6, storedBytes: 1e6 };
  const total = { contents: 7, rawBytes: 9e7, storedBytes: 4e7, layerBytes: 6e7, wholeBytes: 9e7 };
  return { images, groups: [{ ...group, images: new Set(images.map((_, i) => i)) }], total };
}

/** One element of a document, as a reader of XML sees it. */
interface Seen {
  readonly tag: string;
  readonly text: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const reader = `
import json, sys, xml.etree.ElementTree as tree
root = tree.fromstring(sys.stdin.buffer.read())
strip = lambda name: name.split("}")[-1]
print(json.dumps([{"tag": strip(e.tag), "text": "".join(e.itertext()), "attributes": e.attrib} for e in root.iter()]))`;

/** Python's XML reader knows nothing of ours; in CI it is there. */
function readXml(t: TestContext, svg: string): Seen[] | undefined {
  const { status, stdout, stderr, error } = spawnSync("python3", ["-c", reader], { input: svg, encoding: "utf8" });
  if (error !== undefined && process.env["CI"] === undefined) {
    t.skip("needs python3");
    return undefined;
  }
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Seen[];
}

test("drawSharing gives a well-formed document of bars as wide as what they stand for", (t) => {
  const svg = drawSharing(sharingOf([share("a", 10e6, 20e6, 10e6), share("b", 0, 10e6, 10e6)]));
  const seen = readXml(t, svg);
  if (seen === undefined) return;
  assert.equal(seen[0]?.tag, "svg");
  const widths = (kind: string): number[] => seen
    .filter(({ tag, attributes }) => tag === "rect" && attributes["class"] === kind && attributes["height"] === "18")
    .map(({ attributes }) => Number(attributes["width"]));
  assert.deepEqual(widths("own"), [80]);
  assert.deepEqual([...widths("some"), ...widths("all")], [160, 80, 80, 80]);
  const texts = seen.filter(({ tag }) => tag === "text").map(({ text }) => text);
  for (const text of ["40.0 MB", "20.0 MB", "60.0 MB", "90.0 MB", "1.0"]) assert.ok(texts.includes(text), text);
});

test("drawSharing is the same each time, runs no script and loads nothing", () => {
  const sharing = sharingOf([share("a", 1, 2, 3), share("b", 0, 2, 3), share("c", 5, 0, 3)]);
  const svg = drawSharing(sharing);
  assert.equal(drawSharing(structuredClone(sharing)), svg);
  const rest = svg.replace('xmlns="http://www.w3.org/2000/svg"', "");
  assert.doesNotMatch(rest, /<script|href|url\(|@import|http|\bon\w+=/);
  assert.match(svg, /prefers-color-scheme:dark/);
});

test("drawSharing writes any name as text", (t) => {
  const names = ['</text><script>alert("x")</script>', "a&b<c>'d'", "\u0000\u001b[31m\ud800\uffff", "ümläut/镜像:1", ""];
  const seen = readXml(t, drawSharing(sharingOf(names.map((name, i) => share(name, i * 1e6, 0, 1e6)))));
  if (seen === undefined) return;
  assert.ok(seen.every(({ tag }) => ["svg", "title", "style", "rect", "text", "line"].includes(tag)));
  const texts = seen.filter(({ tag }) => tag === "title").map(({ text }) => text);
  for (const name of [names[0], names[1], names[3]]) assert.ok(texts.includes(name as string), name);
});

test("drawSharing draws no image, one without bytes, and only the largest of very many", (t) => {
  const many = Array.from({ length: 300 }, (_, i) => share(`image ${i}`, i, 0, 1e6));
  for (const [images, count] of [[[], 0], [[share("empty", 0, 0, 0)], 1], [many, 24]] as const) {
    const svg = drawSharing(sharingOf(images));
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    const seen = readXml(t, svg);
    const names = seen?.filter(({ tag, text }) => tag === "text" && /^(empty|image \d+){2}$/.test(text));
    if (seen !== undefined) assert.equal(names?.length, count);
  }
  assert.match(drawSharing(sharingOf(many)), /300 images, the 24 largest drawn/);
  assert.doesNotMatch(drawSharing(sharingOf(many)), /image 275</);
});
