// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { dirEntry, fileEntry, sample, symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

/** What coreutils says: blocks, an inode once, holes for nothing. */
function du(dir: string): number {
  const { stdout } = spawnSync("du", ["-s", "--block-size=1", dir], { encoding: "utf8" });
  return Number(stdout.split("\t")[0]);
}

function freeBytes(dir: string): number {
  const { bsize, bfree } = statfsSync(dir);
  return bsize * bfree;
}

// A store with all that it can hold: the links of two roots and two checkouts, plans, a download with a hole.
function filledStore(): { readonly dir: string; readonly store: ReturnType<typeof openStore> } {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const kept = [dirEntry("etc"), fileEntry(store, "etc/a", sample(1, 50_000)), symlinkEntry("etc/l", "a")];
  const gone = Array.from({ length: 40 }, (_, i) => fileEntry(store, `etc/gone-${i}`, sample(100 + i, 30_000)));
  const [one, two] = [store.putTree(makeTree(kept)), store.putTree(makeTree([...kept, ...gone]))];
  store.setRef("kept", store.putRecord("kept", { trees: [one] }));
  for (const tree of [one, two]) store.keepCheckout(tree);
  store.checkout(one, `${dir}-one`, { mode: "link" });
  store.checkout(two, `${dir}-two`, { mode: "link" });
  const download = store.downloadPath(digestOf("x"));
  mkdirSync(dirname(download), { recursive: true });
  writeFileSync(download, sample(5, 100_000));
  truncateSync(download, 1 << 30);
  mkdirSync(join(store.tmpDir, "left/over"), { recursive: true });
  writeFileSync(join(store.tmpDir, "left/over/file"), sample(6, 20_000));
  linkSync(join(store.tmpDir, "left/over/file"), join(store.tmpDir, "left/again"));
  return { dir, store };
}

test("what stats tells of a store is what du tells, whatever links, holes and checkouts there are", () => {
  const { dir, store } = filledStore();
  assert.equal(store.stats().diskBytes, du(dir));
  assert.ok(store.stats().downloadBytes < 1 << 20, "a hole takes no room");
  store.gc({});
  assert.equal(store.stats().diskBytes, du(dir));
  store.close();
});

test("what gc says that it freed, the file system has got back, and a dry run foretells it", (t) => {
  const { dir, store } = filledStore();
  const bytes = { du: du(dir), free: freeBytes(dir) };
  const dry = store.gc({ dryRun: true });
  const { freedBytes } = store.gc({});
  const gone = bytes.du - du(dir);
  // Links that the checkout beside the store still has are no longer the store's, but not free.
  const held = 40 * 32_768;
  t.diagnostic(`du ${gone}, freed ${freedBytes}, foretold ${dry.freedBytes}, free ${freeBytes(dir) - bytes.free}`);
  assert.ok(Math.abs(gone - held - freedBytes) <= 8192, `${gone - held} and ${freedBytes}`);
  assert.ok(Math.abs(dry.freedBytes - freedBytes) < 0.1 * freedBytes, `${dry.freedBytes} and ${freedBytes}`);
  store.close();
});
