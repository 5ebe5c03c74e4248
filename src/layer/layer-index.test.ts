// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError, parsePath } from "../base/index.ts";
import { makeTree, type Tree } from "../formats/index.ts";
import { cutNodes } from "./cut-nodes.ts";
import { encodeLayerIndex, type LayerIndex, parseLayerIndex, prefixOf } from "./layer-index.ts";

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

const index: LayerIndex = {
  hasDirectories: true,
  headBytes: 300,
  parts: [
    { prefix: prefixOf(digestOf("a")), nodes: [{ prefix: prefixOf(digestOf("a")), storedBytes: 5 }] },
    {
      prefix: prefixOf(digestOf("b")),
      nodes: [
        { prefix: prefixOf(digestOf("c")), storedBytes: 127 },
        { prefix: prefixOf(digestOf("d")), storedBytes: 128 },
        { prefix: prefixOf(digestOf("e")), storedBytes: 3_000_000_000 },
      ],
    },
  ],
};

test("a layer index comes back as it was", () => {
  assert.deepEqual(parseLayerIndex(encodeLayerIndex(index)), index);
  const none = { hasDirectories: false, headBytes: 0, parts: [] };
  assert.deepEqual(parseLayerIndex(encodeLayerIndex(none)), none);
});

test("parseLayerIndex refuses what ends early, goes on or lies about its counts", () => {
  const bytes = Buffer.from(encodeLayerIndex(index), "base64");
  const refusedText = (text: string): void =>
    assert.throws(() => parseLayerIndex(text), (error) => isAshlarError(error, "LAYER_INDEX_INVALID"));
  const refused = (input: Uint8Array): void => refusedText(Buffer.from(input).toString("base64"));
  refusedText("no base64!");
  for (let length = 0; length < bytes.length; length++) refused(bytes.subarray(0, length));
  refused(Buffer.concat([bytes, Buffer.from([0])]));
  refused(Buffer.concat([bytes.subarray(0, 2), Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x0f])]));
  const flagged = Buffer.from(bytes);
  flagged[1] = 2;
  refused(flagged);
});
