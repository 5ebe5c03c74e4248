// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import type { CheckoutMode, Store } from "./store.ts";
import { bind, type FileSystem, mountNew } from "./testing/file-systems.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { describeDir, randomOf, randomTree } from "./testing/random-tree.ts";
import { dirEntry, fileEntry, hasCode, sample, symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

function smallTree(store: Store): Tree {
  const files = ["d/a", "d/b"].map((path) => fileEntry(store, path, sample(5, 300_000)));
  return makeTree([dirEntry("d"), ...files, symlinkEntry("l", "d/a")]);
}

/** Checks a tree out and proves it; returns how that was done. */
function verifyCheckout(store: Store, dir: string): CheckoutMode {
  const tree = smallTree(store);
  const { mode } = store.checkout(store.putTree(tree), dir, { mode: "link" });
  const fresh = freshDir();
  store.checkout(tree, fresh, { mode: "copy" });
  assert.deepEqual(describeDir(dir), describeDir(fresh));
  assert.equal(store.checkout(store.putTree(tree), dir, { mode: "link", update: true }).update?.made, 0);
  const shared = mode === "link" ? 2 : 1;
  assert.equal(lstatSync(join(dir, "d/a")).nlink, shared);
  return mode;
}

for (const kind of ["ext4", "xfs", "btrfs", "tmpfs"] as const satisfies readonly FileSystem[]) {
  test(`checkout makes links on ${kind}, and copies from it to another file system`, (t) => {
    const base = freshDir();
    if (!mountNew(t, kind, base)) return;
    const store = openStore(join(base, "store"), { compressor });
    assert.equal(verifyCheckout(store, join(base, "root")), "link");
    const elsewhere = kind === "tmpfs" ? freshDir() : `${base}-other`;
    if (kind !== "tmpfs" && !mountNew(t, "tmpfs", elsewhere)) return;
    assert.equal(verifyCheckout(store, join(elsewhere, "root")), "copy");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });

  test(`checkout with update equals a fresh one in 20 random pairs of trees on ${kind}`, (t) => {
    const base = freshDir();
    if (!mountNew(t, kind, base)) return;
    const store = openStore(join(base, "store"), { compressor });
    for (const mode of ["link", "copy"] as const) {
      for (let seed = 0; seed < 20; seed++) {
        const tree = randomTree(store, randomOf(seed));
        store.checkout(store.putTree(tree), join(base, mode), { mode, update: true });
        store.checkout(tree, join(base, `${mode}-${seed}`), { mode });
        assert.deepEqual(describeDir(join(base, mode)), describeDir(join(base, `${mode}-${seed}`)), `seed ${seed}`);
      }
    }
    store.close();
  });
}

test("checkout shares blocks by reflink where links cannot be made, and writing to it leaves the store alone", (t) => {
  const base = freshDir();
  if (!mountNew(t, "btrfs", base)) return;
  const [store, dir] = [openStore(join(base, "store"), { compressor }), join(base, "volume/root")];
  assert.equal(spawnSync("btrfs", ["subvolume", "create", join(base, "volume")]).status, 0);
  assert.equal(verifyCheckout(store, dir), "reflink");
  const extents = spawnSync("filefrag", ["-v", join(dir, "d/a")], { encoding: "utf8" });
  assert.match(extents.stdout, /shared/);
  writeFileSync(join(dir, "d/a"), "mine");
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.checkout(store.putTree(smallTree(store)), dir, { mode: "link", update: true });
  assert.deepEqual(readFileSync(join(dir, "d/a")), sample(5, 300_000));
  store.close();
});

test("checkout with update refuses a directory in which something is mounted", (t) => {
  const [store, dir, other] = [openStore(freshDir(), { compressor }), freshDir(), freshDir()];
  const digest = store.putTree(smallTree(store));
  store.checkout(digest, dir, { mode: "link" });
  mkdirSync(other);
  writeFileSync(join(other, "mine"), "x");
  if (!bind(t, other, join(dir, "d"))) return;
  const update = (): unknown => store.checkout(digest, dir, { mode: "link", update: true });
  assert.throws(update, hasCode("STORE_CHECKOUT_MOUNT"));
  assert.equal(readFileSync(join(other, "mine"), "utf8"), "x");
  store.close();
});

test("what was written into a checkout by links is handed out to no other one, and an update puts it right", () => {
  const [store, dir, next] = [openStore(freshDir(), { compressor }), freshDir(), freshDir()];
  const digest = store.putTree(smallTree(store));
  for (let i = 0; i < 2; i++) {
    // The second time by a plan.
    store.checkout(digest, i === 0 ? dir : next, { mode: "link" });
  }
  const root = store.keepCheckout(digest);
  const good = describeDir(next);
  writeFileSync(join(dir, "d/a"), "mine");
  assert.equal(readFileSync(join(root, "d/a"), "utf8"), "mine", "they are one inode");
  const fresh = freshDir();
  store.checkout(digest, fresh, { mode: "link" });
  assert.deepEqual(describeDir(fresh), good);
  assert.deepEqual(describeDir(store.keepCheckout(digest)), good);
  store.checkout(digest, dir, { mode: "link", update: true });
  assert.deepEqual(describeDir(dir), good);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});
