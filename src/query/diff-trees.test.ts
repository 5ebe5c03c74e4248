// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import { dir, file, link } from "../registry/testing/sample-image.ts";
import { diffTrees } from "./diff-trees.ts";

function tree(...members: readonly (readonly [Entry, ...unknown[]])[]): Tree {
  return makeTree(members.map(([entry]) => entry));
}

test("diffTrees tells added, removed and changed apart, in order of paths", () => {
  const before = tree(dir("d"), file("d/a", "1"), file("d/b", "1"), file("z", "1"));
  const after = tree(dir("d"), file("d/b", "2"), file("d/c", "1"), file("z", "1"));
  const diff = diffTrees(before, after);
  assert.deepEqual(diff.added.map((entry) => entry.path), ["d/c"]);
  assert.deepEqual(diff.removed.map((entry) => entry.path), ["d/a"]);
  assert.deepEqual(diff.changed.map((change) => [change.path, change.what]), [["d/b", ["content"]]]);
});

const facets: readonly (readonly [what: readonly string[], before: Tree, after: Tree])[] = [
  [["type"], tree(file("x", "1")), tree([{ ...dir("x")[0], mode: 0o644 }])],
  [["mode"], tree(file("x", "1")), tree(file("x", "1", { mode: 0o4755 }))],
  [["owner"], tree(file("x", "1")), tree(file("x", "1", { gid: 5 }))],
  [["mtime"], tree(file("x", "1")), tree(file("x", "1", { mtimeSeconds: 9 }))],
  [["xattrs"], tree(file("x", "1")), tree(file("x", "1", { xattrs: { "user.a": "" } }))],
  [["xattrs"], tree(file("x", "1", { xattrs: { "user.a": "" } })), tree(file("x", "1", { xattrs: { "user.b": "" } }))],
  [["target"], tree(link("x", "a")), tree(link("x", "b"))],
  [["content", "mode", "owner"], tree(file("x", "1")), tree(file("x", "2", { mode: 0o600, uid: 3 }))],
];

for (const [what, before, after] of facets) {
  test(`diffTrees names ${what.join(", ")}`, () => {
    assert.deepEqual(diffTrees(before, after).changed.map((change) => change.what), [what]);
  });
}

test("diffTrees sees through hard links: the content counts, and that they are linked", () => {
  const hardlink = (path: string, target: string): [Entry] => [{ ...link(path, target, "hardlink")[0], mode: 0o644 }];
  const linked = tree(file("a", "1"), hardlink("b", "a"));
  const apart = tree(file("a", "1"), file("b", "1"));
  assert.deepEqual(diffTrees(linked, apart).changed.map((change) => [change.path, change.what]), [["b", ["links"]]]);
  const changed = tree(file("a", "2"), hardlink("b", "a"));
  assert.deepEqual(diffTrees(linked, changed).changed.map((change) => [change.path, change.what]), [
    ["a", ["content"]], ["b", ["content"]],
  ]);
});

test("diffTrees of a tree with itself is empty, and turned round it swaps added and removed", () => {
  const entry = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), text: fc.constantFrom("1", "2") });
  const trees = fc.uniqueArray(entry, { selector: (item) => item.name }).map((items) =>
    tree(...items.map((item) => file(item.name, item.text))));
  fc.assert(fc.property(trees, trees, (a, b) => {
    assert.deepEqual(diffTrees(a, a), { added: [], removed: [], changed: [] });
    const [there, back] = [diffTrees(a, b), diffTrees(b, a)];
    assert.deepEqual(there.added, back.removed);
    assert.deepEqual(there.removed, back.added);
    assert.equal(there.changed.length, back.changed.length);
  }));
});
