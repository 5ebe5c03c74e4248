// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type ImagePath, parsePath } from "../base/index.ts";
import { makeTree } from "../formats/index.ts";
import { inPack, memoryStore } from "../store/index.ts";
import { type KeptTree, putOwnedTree, readOwnedTree } from "./keep-owned-tree.ts";
import type { OwnedTree } from "./merge-trees.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

function ownedTree(owners: Readonly<Record<string, string>>): OwnedTree {
  const tree = makeTree(Object.keys(owners).map((path) => ({ ...meta, type: "fifo", path: parsePath(path) })));
  return { tree, owners: new Map(Object.entries(owners) as [ImagePath, string][]) };
}

test("readOwnedTree gives back what putOwnedTree was given, any letters included", () => {
  const store = memoryStore();
  const odd = { "\ufb01": "a:amd64", "\u{1f600}": "b:all", "\udc80": "@base", "7": "x\ny", "new\nline": "\ud800" };
  for (const owners of [{}, { etc: "base-files:amd64" }, odd]) {
    const owned = ownedTree(owners);
    const back = readOwnedTree(store, inPack(store, (pack) => putOwnedTree(store, pack, owned)));
    assert.deepEqual(back.tree, owned.tree);
    assert.deepEqual(new Map([...back.owners].sort()), new Map([...owned.owners].sort()));
  }
});

test("putOwnedTree keeps owners of what is in the tree alone, and none of the rest", () => {
  const store = memoryStore();
  const { tree } = ownedTree({ a: "", b: "" });
  const owners = new Map([[parsePath("b"), "bash:amd64"], [parsePath("gone"), "dash:amd64"]]);
  const kept = inPack(store, (pack) => putOwnedTree(store, pack, { tree, owners }));
  assert.deepEqual([...readOwnedTree(store, kept).owners], [["a", ""], ["b", "bash:amd64"]]);
});

test("readOwnedTree reads the JSON object that owners were before", () => {
  const store = memoryStore();
  const flat = store.putTree(ownedTree({ "usr/bin": "" }).tree);
  const owners = store.put(Buffer.from('{"usr/bin":"coreutils:amd64"}')).digest;
  assert.deepEqual([...readOwnedTree(store, { flat, owners }).owners], [["usr/bin", "coreutils:amd64"]]);
});

test("readOwnedTree refuses the owners of another tree", () => {
  const store = memoryStore();
  const put = (owned: OwnedTree): KeptTree => inPack(store, (pack) => putOwnedTree(store, pack, owned));
  const { flat } = put(ownedTree({ a: "x" }));
  const { owners } = put(ownedTree({ a: "x", b: "y" }));
  assert.throws(() => readOwnedTree(store, { flat, owners }), /internal error/);
});
