// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { removeEntry } from "./remove-tree.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { describeDir, randomOf, randomTree } from "./testing/random-tree.ts";
import { dirEntry, fileEntry, hasCode, symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const modes = ["link", "copy"] as const;

interface Place {
  readonly dir: string;
  readonly mode: "link" | "copy";
}

function verifyUpdate(store: Store, tree: Tree, { dir, mode }: Place): void {
  const report = store.checkout(store.putTree(tree), dir, { mode, update: true });
  const { kept, made } = report.update ?? { kept: 0, made: tree.length };
  assert.equal(kept + made, tree.length);
  const fresh = freshDir();
  store.checkout(tree, fresh, { mode });
  assert.deepEqual(describeDir(dir), describeDir(fresh));
  removeEntry(fresh);
}

/** Each tree follows the one before: so many pairs. A thousand take a minute: ASHLAR_PAIRS=1000. */
const pairs = Number(process.env["ASHLAR_PAIRS"] ?? 100);

for (const mode of modes) {
  test(`checkout with update equals a fresh one in ${pairs} random pairs of trees, by ${mode}`, () => {
    const store = openStore(freshDir(), { compressor });
    const dir = freshDir();
    const trees = Array.from({ length: pairs + 1 }, (_, seed) => randomTree(store, randomOf(seed)));
    const pack = store.beginPack();
    for (const tree of trees) store.putTree(tree, pack);
    pack.commit();
    trees.forEach((tree, seed) => {
      try {
        verifyUpdate(store, tree, { dir, mode });
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    });
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });
}

/** What a tree's checkout has of inodes and times, for telling what was touched. */
function inodesOf(dir: string, paths: readonly string[]): string[] {
  return paths.map((path) => {
    const { ino, ctimeNs } = lstatSync(join(dir, path), { bigint: true });
    return `${path} ${ino} ${ctimeNs}`;
  });
}

function smallTree(store: Store, text: string): Tree {
  const same = ["d/same", "d/twin"].map((path) => fileEntry(store, path, Buffer.from("same")));
  return makeTree([
    ...[dirEntry("d"), dirEntry("e", 0o700), dirEntry("e/f"), ...same],
    ...[fileEntry(store, "e/changes", Buffer.from(text)), symlinkEntry("d/link", "same")],
  ]);
}

test("checkout with update touches only what differs", () => {
  const store = openStore(freshDir(), { compressor });
  const [one, two] = ["one", "two"].map((text) => store.putTree(smallTree(store, text)));
  const dir = freshDir();
  store.checkout(one as never, dir, { mode: "copy" });
  const still = ["d", "d/same", "d/twin", "d/link", "e/f"];
  const before = inodesOf(dir, still);
  const report = store.checkout(two as never, dir, { mode: "copy", update: true });
  assert.deepEqual(report.update, { kept: 6, made: 1, removed: 1 });
  assert.deepEqual(inodesOf(dir, still), before);
  assert.equal(readFileSync(join(dir, "e/changes"), "utf8"), "two");
  assert.deepEqual(store.checkout(two as never, dir, { mode: "copy", update: true }).update?.made, 0);
  store.close();
});

const harms: readonly [string, (dir: string, outside: string) => void][] = [
  [
    "other bytes, the time set back",
    (dir) => {
      writeFileSync(join(dir, "d/same"), "evil");
      utimesSync(join(dir, "d/same"), 0, 0);
    },
  ],
  ["another mode", (dir) => chmodSync(join(dir, "e"), 0o777)],
  ["a strange file", (dir) => writeFileSync(join(dir, "d/strange"), "x")],
  ["a file gone", (dir) => rmSync(join(dir, "d/twin"))],
  ["two files exchanged", (dir) => renameSync(join(dir, "e/changes"), join(dir, "d/same"))],
  [
    "a directory replaced by a symlink out of it",
    (dir, outside) => {
      rmSync(join(dir, "e"), { recursive: true });
      symlinkSync(outside, join(dir, "e"));
    },
  ],
];

for (const mode of modes) {
  test(`checkout with update mends what others did to it, by ${mode}, and writes nowhere else`, () => {
    for (const [what, harm] of harms) {
      // Whoever writes into a file made by links writes into the store's; that is fsck's to find.
      if (mode === "link" && what.startsWith("other bytes")) continue;
      const store = openStore(freshDir(), { compressor });
      const [dir, outside] = [freshDir(), freshDir()];
      mkdirSync(join(outside, "f"), { recursive: true });
      writeFileSync(join(outside, "changes"), "mine");
      const before = describeDir(outside);
      store.checkout(store.putTree(smallTree(store, "one")), dir, { mode });
      harm(dir, outside);
      for (const text of ["one", "two"]) verifyUpdate(store, smallTree(store, text), { dir, mode });
      assert.deepEqual(describeDir(outside), before, what);
      store.close();
    }
  });
}

test("checkout with update goes from links to copies and back, and works when the old tree is gone", () => {
  const store = openStore(freshDir(), { compressor });
  const dir = freshDir();
  const tree = smallTree(store, "one");
  store.checkout(store.putTree(tree), dir, { mode: "link" });
  for (const mode of ["copy", "link", "copy"] as const) verifyUpdate(store, tree, { dir, mode });
  writeFileSync(join(dir, "d/same"), "own bytes");
  assert.deepEqual(store.fsck({ full: true }).faults, [], "a copy is nobody else's");
  store.gc({});
  for (const mode of modes) verifyUpdate(store, smallTree(store, "two"), { dir, mode });
  store.close();
});

test("checkout with update finishes what another one left half done", () => {
  for (const mode of modes) {
    const store = openStore(freshDir(), { compressor });
    const dir = freshDir();
    const [one, two] = [smallTree(store, "one"), smallTree(store, "two")];
    store.checkout(store.putTree(one), dir, { mode });
    const missing = fileEntry(store, "z", Buffer.from("x"), { content: digestOf("never put") });
    const digest = store.putTree(makeTree([...two, missing]));
    assert.throws(() => store.checkout(digest, dir, { mode, update: true }), hasCode("STORE_CONTENT_MISSING"));
    assert.equal(lstatSync(dir).mode & 0o777, 0o700, "nobody else enters it meanwhile");
    verifyUpdate(store, two, { dir, mode });
    store.close();
  }
});

test("checkout with update makes a directory that is not there, and refuses one that it does not know", () => {
  const store = openStore(freshDir(), { compressor });
  const tree = smallTree(store, "one");
  verifyUpdate(store, tree, { dir: freshDir(), mode: "link" });
  const dir = freshDir();
  mkdirSync(dir);
  writeFileSync(join(dir, "mine"), "x");
  const update = (): unknown => store.checkout(store.putTree(tree), dir, { mode: "link", update: true });
  assert.throws(update, hasCode("STORE_CHECKOUT_UNKNOWN"));
  assert.equal(readFileSync(join(dir, "mine"), "utf8"), "x");
  // The same name, but another directory than the one that was made.
  rmSync(dir, { recursive: true });
  store.checkout(store.putTree(tree), dir, { mode: "link" });
  renameSync(dir, `${dir}-old`);
  mkdirSync(dir);
  writeFileSync(join(dir, "mine"), "x");
  assert.throws(update, hasCode("STORE_CHECKOUT_UNKNOWN"));
  store.close();
});

test("checkout with update leaves alone what others made where a checkout was", () => {
  const store = openStore(freshDir(), { compressor });
  const tree = store.putTree(makeTree([fileEntry(store, "a", Buffer.from("a"))]));
  const dir = freshDir();
  store.checkout(tree, dir, { mode: "copy" });
  // A new directory mostly gets the inode number that has just become free.
  removeEntry(dir);
  mkdirSync(dir);
  writeFileSync(join(dir, "precious"), "not to be lost");
  assert.throws(() => store.checkout(tree, dir, { mode: "copy", update: true }), hasCode("STORE_CHECKOUT_UNKNOWN"));
  assert.equal(readFileSync(join(dir, "precious"), "utf8"), "not to be lost");
  store.close();
});
