// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { isSystemError } from "../base/index.ts";
import { loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { Layout } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { describeDir, randomOf, randomTree } from "./testing/random-tree.ts";
import { dirEntry, fileEntry, symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

function twinsTree(store: Store): Tree {
  const files = ["d/a", "d/b", "d/\u00e4"].map((path) => fileEntry(store, path, Buffer.from("same")));
  const links = ["d/l", "d/m", "d/\u00f6"].map((path) => symlinkEntry(path, "a"));
  return makeTree([dirEntry("d"), ...files, ...links]);
}

const inodes = (dir: string): string[] => {
  return readdirSync(dir).map((name) => `${name} ${lstatSync(join(dir, name)).ino}`);
};

test("checkout by a plan equals one by the tree, for random trees", () => {
  const store = openStore(freshDir(), { compressor });
  for (let seed = 0; seed < 40; seed++) {
    const tree = randomTree(store, randomOf(seed));
    const digest = store.putTree(tree);
    const [first, second, third] = [freshDir(), freshDir(), freshDir()] as [string, string, string];
    const reports = [first, second].map((dir) => store.checkout(digest, dir, { mode: "link" }));
    assert.deepEqual(reports[1], reports[0]);
    store.checkout(tree, third, { mode: "copy" });
    assert.deepEqual(describeDir(first), describeDir(third), `seed ${seed}`);
    assert.deepEqual(describeDir(second), describeDir(third), `seed ${seed}`);
  }
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});

test("checkout by a plan gives equal files and symlinks an inode each, and makes links that are gone", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const digest = store.putTree(twinsTree(store));
  const roots = [freshDir(), freshDir(), freshDir()] as [string, string, string];
  store.checkout(digest, roots[0], { mode: "link" });
  store.checkout(digest, roots[1], { mode: "link" });
  const all = inodes(join(roots[1], "d"));
  assert.equal(new Set(all.map((line) => line.split(" ")[1])).size, 6);
  for (const { path } of listLinks(new Layout(dir))) rmSync(path);
  store.checkout(digest, roots[2], { mode: "link" });
  assert.deepEqual(describeDir(roots[2]), describeDir(roots[0]));
  assert.equal(store.stats().links, 6);
  store.close();
});

test("checkout does without a plan that is damaged; fsck finds it, repair and gc take plans away", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const digest = store.putTree(twinsTree(store));
  const first = freshDir();
  store.checkout(digest, first, { mode: "link" });
  const plans = join(dir, "plans");
  const [name] = readdirSync(plans) as [string];
  const whole = readFileSync(join(plans, name));
  for (const bytes of [whole.subarray(0, 100), Buffer.from(whole.toString().replace("d/m", "d/x")), Buffer.alloc(0)]) {
    writeFileSync(join(plans, name), bytes);
    const again = freshDir();
    store.checkout(digest, again, { mode: "link" });
    assert.deepEqual(describeDir(again), describeDir(first));
    assert.deepEqual(readFileSync(join(plans, name)), whole, "it is made anew");
    writeFileSync(join(plans, name), bytes);
    assert.deepEqual(store.fsck({ full: false, repair: true }).faults.map(({ what }) => what), [join(plans, name)]);
    assert.equal(existsSync(join(plans, name)), false);
  }
  store.checkout(digest, freshDir(), { mode: "link" });
  store.gc({});
  assert.deepEqual(readdirSync(plans), []);
  store.close();
});

test("gc forgets checkouts that are gone, and keeps symlinks that a checkout has", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const digest = store.putTree(twinsTree(store));
  const [kept, gone] = [freshDir(), freshDir()];
  for (const root of [kept, gone]) store.checkout(digest, root, { mode: "link" });
  rmSync(gone, { recursive: true });
  assert.equal(readdirSync(join(dir, "checkouts")).length, 2);
  store.gc({});
  assert.equal(readdirSync(join(dir, "checkouts")).length, 1);
  assert.equal(store.stats().links, 3);
  rmSync(kept, { recursive: true });
  store.gc({});
  assert.equal(store.stats().links, 0);
  store.close();
});

const fullTitle = "checkout goes on where a file and a symlink have all names they can have; 70,000 are tried";
test(fullTitle, () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree([fileEntry(store, "a", Buffer.from("x")), symlinkEntry("l", "a")]);
  const digest = store.putTree(tree);
  const root = freshDir();
  store.checkout(digest, root, { mode: "link" });
  const names = join(dir, "names");
  mkdirSync(names);
  const full = ["a", "l"].filter((name) => !hasRoom(join(root, name), join(names, name)));
  for (const again of [freshDir(), freshDir()]) {
    store.checkout(digest, again, { mode: "link" });
    assert.deepEqual(describeDir(again), describeDir(root));
    for (const name of full) assert.notEqual(lstatSync(join(again, name)).ino, lstatSync(join(root, name)).ino);
  }
  rmSync(names, { recursive: true });
  store.close();
});

function hasRoom(source: string, name: string): boolean {
  try {
    for (let i = 0; i < 70_000; i++) linkSync(source, `${name}${i}`);
    return true;
  } catch (error) {
    if (isSystemError(error, "EMLINK")) return false;
    throw error;
  }
}
