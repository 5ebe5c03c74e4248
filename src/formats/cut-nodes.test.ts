// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parsePath } from "../base/index.ts";
import { cutNodes, encodeTreePieces } from "./cut-nodes.ts";
import { encodeTree, makeTree, type Tree } from "./tree.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

function treeOf(names: readonly string[]): Tree {
  return makeTree(names.map((name) => ({ ...meta, type: "fifo", path: parsePath(name) })));
}

const names = Array.from({ length: 3000 }, (_, i) => `usr/share/${i % 40}/name-${i}`);

test("cutNodes cuts a part into runs of 16 to 256 entries that make it up", () => {
  const tree = treeOf(names);
  const nodes = cutNodes(tree);
  assert.deepEqual(nodes.flat(), tree);
  for (const node of nodes.slice(0, -1)) assert.ok(node.length >= 16 && node.length <= 256, `${node.length} entries`);
  assert.ok(nodes.length > 20 && nodes.length < 100, `${nodes.length} nodes`);
  assert.deepEqual(cutNodes([]), []);
});

test("cutNodes gives the same nodes but for few where an entry comes or goes", () => {
  const digests = (tree: Tree): Set<string> => new Set(cutNodes(tree).map((node) => node.map((e) => e.path).join()));
  const before = digests(treeOf(names));
  for (const changed of [[...names, "usr/share/7/brand-new"], names.filter((name) => name !== names[500])]) {
    const fresh = [...digests(treeOf(changed))].filter((node) => !before.has(node));
    assert.ok(fresh.length >= 1 && fresh.length <= 2, `${fresh.length} new nodes`);
  }
});

test("encodeTreePieces gives what encodeTree gives, in one piece where it is small", () => {
  assert.equal(encodeTreePieces(treeOf(names.slice(0, 100))).length, 1);
  for (const tree of [[], treeOf(names.slice(0, 100)), treeOf(names)]) {
    assert.deepEqual(Buffer.concat(encodeTreePieces(tree)), Buffer.from(encodeTree(tree)));
  }
});

test("encodeTreePieces gives the same pieces but for few where an entry comes or goes", () => {
  const piecesOf = (tree: Tree): string[] => encodeTreePieces(tree).map((piece) => Buffer.from(piece).toString());
  const before = new Set(piecesOf(treeOf(names)));
  for (const changed of [[...names, "a first one"], [...names, "usr/share/7/brand-new"]]) {
    const fresh = piecesOf(treeOf(changed)).filter((piece) => !before.has(piece));
    assert.ok(fresh.length >= 1 && fresh.length <= 2, `${fresh.length} new pieces`);
  }
});
