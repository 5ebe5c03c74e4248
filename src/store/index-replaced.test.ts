// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Digest, digestOf } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { IndexDatabase } from "./index-database.ts";
import { Layout } from "./layout.ts";
import { openIndex } from "./recover.ts";
import { joinStore, shareStore } from "./shared-store.ts";
import { lockAlone } from "./store-lock.ts";
import { damageContent } from "./testing/damage-content.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, hasCode, put, sample } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const action = { operation: "test", version: 1, inputs: [], parameters: {} };

function dropIndex(dir: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(dir, `index.sqlite${suffix}`), { force: true });
}

/** As another process does that finds no index. */
function replaceIndex(dir: string): void {
  dropIndex(dir);
  openStore(dir).close();
}

test("what a build reports is in the index that another process made beside it", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const lease = store.lease();
  for (const replace of [replaceIndex, dropIndex]) {
    put(store, `before ${replace.name}`);
    replace(dir);
    const reported = put(store, "one", `after ${replace.name}`).map(({ digest }) => digest);
    replace(dir);
    store.putAction(action, { value: replace.name, reaches: {} });
    withStore(dir, (other, said) => {
      for (const digest of reported) assert.ok(other.has(digest), digest);
      assert.equal(other.getAction(action)?.value, replace.name);
      assert.deepEqual(said, []);
    });
  }
  lease.release();
  store.close();
  withStore(dir, (other) => assert.deepEqual(other.fsck({ full: true }).faults, []));
});

for (const moment of ["before", "after"] as const) {
  test(`a pack is in the index that is made ${moment} it gets its row in the one before`, (t) => {
    const dir = freshDir();
    const store = openStore(dir, { compressor });
    const lease = store.lease();
    let isReplaced = false;
    const add = IndexDatabase.prototype.addPack;
    t.mock.method(IndexDatabase.prototype, "addPack", function (this: IndexDatabase, ...args: Parameters<typeof add>) {
      if (moment === "after") add.apply(this, args);
      if (!isReplaced) {
        isReplaced = true;
        replaceIndex(dir);
      }
      if (moment === "before") add.apply(this, args);
    });
    const [info] = put(store, "reported");
    withStore(dir, (other) => assert.ok(other.has(info?.digest as Digest)));
    lease.release();
    store.close();
  });
}

test("a handle that goes over to another index reads from the right packs, and leaves what the other wrote", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const digests = Array.from({ length: 20 }, (_, i) => put(store, sample(i, 500 + i))[0]?.digest as Digest);
  for (const digest of digests) store.read(digest);
  dropIndex(dir);
  // Packs get other numbers: they are listed by name.
  const other = openStore(dir, { compressor });
  const [late] = put(other, "late");
  store.lease().release();
  for (const digest of digests) assert.equal(digestOf(store.read(digest)), digest);
  withStore(dir, (third) => assert.ok(third.has(late?.digest as Digest)));
  store.close();
  other.close();
});

test("who makes the index anew leaves the links and roots of a build that runs", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const lease = store.lease();
  const tree = makeTree([fileEntry(store, "a", Buffer.from("used"))]);
  const root = store.keepCheckout(store.putTree(tree));
  replaceIndex(dir);
  assert.equal(readFileSync(join(root, "a"), "utf8"), "used");
  withStore(dir, (other) => assert.equal(other.stats().links, 1));
  lease.release();
  store.close();
});

test("nothing is dropped beside a build that opened the store by a release that knows no boot file", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const lease = store.lease();
  const root = store.keepCheckout(store.putTree(makeTree([fileEntry(store, "a", Buffer.from("used"))])));
  rmSync(join(dir, "boot"));
  withStore(dir, (other) => assert.equal(other.stats().links, 1));
  assert.equal(readFileSync(join(root, "a"), "utf8"), "used");
  assert.equal(existsSync(join(dir, "boot")), false);
  lease.release();
  withStore(dir, (other) => assert.equal(other.stats().links, 0));
  assert.equal(existsSync(join(dir, "boot")), true);
  store.close();
});

test("a member's links of before the start of the machine are dropped, also while another member builds", () => {
  const shared = freshDir();
  const [own, other] = [freshDir(), freshDir()] as const;
  shareStore(shared, process.getgid?.() ?? 0);
  for (const dir of [own, other]) joinStore(dir, shared);
  const builder = openStore(other, { compressor });
  const lease = builder.lease();
  withStore(own, (store) => {
    store.checkout(makeTree([fileEntry(store, "a", Buffer.from("old"))]), freshDir(), { mode: "link" });
    assert.equal(store.stats().links, 1);
  });
  writeFileSync(join(own, "boot"), "an earlier one");
  withStore(own, (store) => assert.equal(store.stats().links, 0));
  lease.release();
  builder.close();
});

test("a repair by a handle whose index another process made anew puts the new one right", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [sound, damaged] = put(store, "sound", "damaged").map(({ digest }) => digest) as [Digest, Digest];
  damageContent(dir, store, "damaged");
  replaceIndex(dir);
  const { faults } = store.fsck({ full: true, repair: true });
  assert.deepEqual(faults.map(({ what }) => what), [damaged]);
  withStore(dir, (other) => {
    assert.equal(Buffer.from(other.read(sound)).toString(), "sound");
    assert.equal(other.has(damaged), false);
    assert.deepEqual(other.fsck({ full: true }).faults, []);
  });
  store.close();
});

test("no index is made while garbage collection takes packs away, by whoever holds no lease", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  put(store, "a");
  store.close();
  dropIndex(dir);
  const layout = new Layout(dir);
  const sweep = lockAlone(layout, "test", 0);
  const options = { onRecover: () => {}, waitMs: 0 };
  assert.throws(() => openIndex(layout, { ...options, isLeased: false }), hasCode("STORE_BUSY"));
  assert.equal(existsSync(layout.index), false);
  sweep.release();
  const index = openIndex(layout, { ...options, isLeased: false });
  assert.equal(index.packs().length, 1);
  index.close();
});
