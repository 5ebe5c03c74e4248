// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { type ImagePath, parentOf } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import { phaseDifference, splitByOwner } from "./phase-difference.ts";
import { applyLayer } from "./testing/apply-layer.ts";
import { dumpTree, type EntrySpec, makeEntries, memoryContents } from "./testing/make-package.ts";

const { putText } = memoryContents();
const tree = (files: Readonly<Record<string, EntrySpec>>): Tree => makeEntries(files, putText);

test("phaseDifference holds what is new or changed with the directories above", () => {
  const lower = tree({ "a/x": "1", "a/y": "1", "b/": {}, "c/z": "1" });
  const upper = tree({ "a/x": "2", "a/y": "1", "b/": { mode: 0o700 }, "c/z": "1", "d/e/f": "1" });
  assert.deepEqual(dumpTree(phaseDifference(lower, upper)), [
    "/a dir 0755 0:0",
    "/a/x file 0644 0:0",
    "/b dir 0700 0:0",
    "/d dir 0755 0:0",
    "/d/e dir 0755 0:0",
    "/d/e/f file 0644 0:0",
  ]);
  assert.deepEqual(phaseDifference(upper, upper), []);
});

test("phaseDifference says with one whiteout that a directory is gone", () => {
  const lower = tree({ "a/b/c": "1", "a/d": "1", "e/f": "1", g: "1" });
  const upper = tree({ "a/d": "1", e: "now a file" });
  assert.deepEqual(dumpTree(phaseDifference(lower, upper)), [
    "/.wh.g file 0644 0:0",
    "/a dir 0755 0:0",
    "/a/.wh.b file 0644 0:0",
    "/e file 0644 0:0",
  ]);
});

test("phaseDifference takes all names of a file along when one is new", () => {
  const lower = tree({ "a/x": "1", "a/y": { hardlink: "a/x" } });
  const upper = tree({ "a/x": "1", "a/y": { hardlink: "a/x" }, "a/z": { hardlink: "a/x" } });
  assert.deepEqual(dumpTree(phaseDifference(lower, upper)).slice(1), [
    "/a/x file 0644 0:0",
    "/a/y == /a/x",
    "/a/z == /a/x",
  ]);
});

/** Trees over a small set of names, so that types meet at one path in every way. */
const trees: fc.Arbitrary<Tree> = fc
  .dictionary(
    fc.constantFrom("a", "a/b", "a/b/c", "a/b/d", "a/e", "f", "f/g", "h"),
    fc.oneof(
      fc.constantFrom<EntrySpec>("1", "2", { mode: 0o755, text: "1" }, { link: "x" }, { link: "y" }),
      fc.constant({ mode: 0o700, type: "dir", uid: 0, gid: 0, mtimeSeconds: 0 } as unknown as Entry),
      fc.constant("hard" as const),
    ),
    { maxKeys: 8 },
  )
  .map((specs) => {
    const entries = new Map<string, Entry>();
    for (const entry of tree(specs)) {
      const parent = parentOf(entry.path);
      if (parent === undefined || entries.get(parent)?.type === "dir") entries.set(entry.path, entry);
    }
    return linkEqual(makeTree(entries.values()));
  });

/** Makes files of the content "hard" names of one file. */
function linkEqual(plain: Tree): Tree {
  const hard = tree({ x: "hard" })[0] as Entry & { readonly content: string };
  let first: ImagePath | undefined;
  return plain.map((entry) => {
    if (entry.type !== "file" || entry.content !== hard.content) return entry;
    if (first === undefined) {
      first = entry.path;
      return entry;
    }
    const { content: _content, sizeBytes: _sizeBytes, ...meta } = entry;
    return { ...meta, type: "hardlink", target: first };
  });
}

test("phaseDifference's layers, one over the other, are the flat tree", () => {
  fc.assert(
    fc.property(fc.array(trees, { minLength: 1, maxLength: 4 }), (phases) => {
      let stacked: Tree = [];
      let before: Tree = [];
      for (const phase of phases) {
        stacked = applyLayer(stacked, phaseDifference(before, phase));
        before = phase;
      }
      assert.deepEqual(stacked, phases.at(-1));
    }),
    { seed: 20261121, numRuns: 500 },
  );
});

test("splitByOwner sorts what is no directory by owner", () => {
  const layer = tree({ "usr/b": "1", "usr/a": "1", "usr/.wh.c": "" });
  const owners = new Map([
    ["usr/a", "z:amd64"],
    ["usr/b", "y:amd64"],
  ]) as unknown as ReadonlyMap<ImagePath, string>;
  assert.deepEqual(
    [...splitByOwner(layer, owners)].map(([owner, block]) => [owner, block.map((entry) => entry.path)]),
    [
      ["", ["usr/.wh.c"]],
      ["y:amd64", ["usr/b"]],
      ["z:amd64", ["usr/a"]],
    ],
  );
});
