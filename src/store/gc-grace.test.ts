// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import fs, { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { type Digest, digestOf } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import type { GcReport } from "./gc-report.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, put, sample } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const hourMs = 3_600_000;
const yearMs = 8760 * hourMs;
const step = { operation: "step", version: 1, inputs: [] };

/** Gives all packs that are there now a time. */
function setTime(dir: string, timeMs: number): void {
  const names = readdirSync(join(dir, "packs"), { recursive: true, encoding: "utf8" });
  for (const name of names) if (name.endsWith(".pack")) utimesSync(join(dir, "packs", name), 0, timeMs / 1000);
}

const gcAt = (store: Store, nowMs: number): GcReport => store.gc({ grace: { ms: hourMs, nowMs } });

test("gc with a grace keeps young garbage, whole with what its results need from elsewhere, and takes it later", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const nowMs = Date.now();
  const oldFile = fileEntry(store, "old", sample(1, 3000));
  const [dead] = put(store, sample(2, 3000));
  setTime(dir, nowMs - 2 * hourMs);
  // What an interrupted build leaves: a new tree in which an old file stands, under a result, and a file.
  const tree = store.putTree(makeTree([oldFile, fileEntry(store, "young", sample(3, 3000))]));
  store.putAction(step, { value: 1, reaches: { trees: [tree] } });
  const [loose] = put(store, sample(4, 3000));
  const report = gcAt(store, nowMs);
  assert.equal(report.removedContents, 1);
  assert.equal(report.kept.byGrace.count, 4, "two files, the tree, and the loose one");
  assert.equal(store.has(dead?.digest as Digest), false);
  assert.equal(store.has(loose?.digest as Digest), true);
  assert.ok(store.getAction(step) !== undefined);
  for (const entry of store.readTree(tree)) assert.ok(entry.type === "file" && store.has(entry.content));
  setTime(dir, nowMs - 2 * hourMs);
  assert.equal(gcAt(store, nowMs).removedContents, 4);
  assert.equal(store.getAction(step), undefined);
  assert.deepEqual([store.stats().contents, store.fsck({ full: true }).faults], [0, []]);
  store.close();
});

test("gc with a grace forgets a young result that is not whole, so that it is not given out", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const nowMs = Date.now();
  const file = fileEntry(store, "gone", sample(1, 3000));
  store.gc({});
  const tree = store.putTree(makeTree([file]));
  store.putAction(step, { value: 1, reaches: { trees: [tree] } });
  gcAt(store, nowMs);
  assert.equal(store.getAction(step), undefined);
  store.close();
});

test("gc takes nothing that a ref needs, and all garbage, whatever clocks say: ten years ahead or behind", () => {
  for (const [packMs, nowMs] of [
    [Date.now(), Date.now() + 10 * yearMs],
    [Date.now(), Date.now() - 10 * yearMs],
    [Date.now() + 10 * yearMs, Date.now()],
    [0, Date.now()],
  ] as const) {
    const dir = freshDir();
    const store = openStore(dir, { compressor });
    const tree = store.putTree(makeTree([fileEntry(store, "kept", sample(1, 3000))]));
    store.setRef("image", store.putRecord("image", { trees: [tree] }));
    put(store, sample(2, 3000));
    const download = store.downloadPath(digestOf("x"));
    mkdirSync(dirname(download), { recursive: true });
    writeFileSync(download, "x");
    utimesSync(download, 0, packMs / 1000);
    setTime(dir, packMs);
    const report = gcAt(store, nowMs);
    assert.deepEqual([report.removedContents, report.removedDownloads], [1, 1]);
    assert.deepEqual([store.fsck({ full: true }).faults, store.readTree(tree).length], [[], 1]);
    store.close();
  }
});

test("gc spares what builds bring, take up and name while it waits for them", () => {
  for (const way of ["ref", "result"] as const) {
    const dir = freshDir();
    const store = openStore(dir, { compressor });
    const builder = openStore(dir, { compressor });
    // One pack that would go, one of which a part would, and a part that would be copied out of a third.
    const whole = fileEntry(store, "a", sample(1, 3000));
    const [most, part] = put(store, sample(2, 9000), sample(3, 3000));
    const [live, bulk] = put(store, sample(4, 3000), sample(5, 60_000));
    const [trash] = put(store, sample(6, 3000));
    store.setRef("kept", store.putRecord("kept", { contents: [most?.digest, live?.digest] as Digest[] }));
    const report = store.gc({
      onPhase(phase) {
        if (phase !== "wait") return;
        const tree = builder.putTree(makeTree([whole, fileEntry(builder, "b", sample(3, 3000))]));
        const reaches = { trees: [tree], contents: [bulk?.digest as Digest] };
        if (way === "ref") builder.setRef("image", builder.putRecord("image", reaches));
        else builder.putAction(step, { value: 1, reaches });
      },
    });
    assert.equal(report.removedPacks, 1);
    const kept = [whole.content, most, part, live, bulk].map((one) => (typeof one === "string" ? one : one?.digest));
    assert.deepEqual(kept.map((digest) => store.has(digest as Digest)), kept.map(() => true));
    assert.equal(store.has(trash?.digest as Digest), false);
    for (const digest of kept) assert.equal(digestOf(builder.read(digest as Digest)), digest);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    builder.close();
    store.close();
  }
});

test("gc lets builds begin while it marks, copies and cleans, and none while it sweeps", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const builder = openStore(dir, { compressor });
  const [live] = put(store, sample(1, 3000), sample(2, 60_000));
  store.setRef("kept", store.putRecord("kept", { contents: [live?.digest as Digest] }));
  const began: string[] = [];
  store.gc({
    onPhase(phase) {
      if (phase === "sweep") return;
      builder.lease().release();
      began.push(phase);
    },
  });
  assert.deepEqual(began, ["mark", "copy", "wait", "clean"]);
  builder.close();
  store.close();
});

test("a content comes back although rows of its pack, which gc took, still stand in the index", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const builder = openStore(dir, { compressor });
  const bytes = sample(1, 3000);
  const [info] = put(store, bytes);
  builder.read(info?.digest as Digest);
  store.gc({
    onPhase(phase) {
      if (phase !== "clean") return;
      assert.equal(builder.has(info?.digest as Digest), false, "not in an old view either");
      put(builder, bytes);
    },
  });
  assert.equal(digestOf(builder.read(info?.digest as Digest)), info?.digest);
  assert.deepEqual([store.fsck({ full: true }).faults, store.stats().contents], [[], 1]);
  builder.close();
  store.close();
});

test("gc forgets no pack that a builder adds while the files are listed", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const builder = openStore(dir, { compressor });
  const packs = join(dir, "packs");
  put(store, sample(1, 3000));
  const { readdirSync: list } = fs;
  let added: Digest | undefined;
  // As if the builder came between the listing of the files and that of the index.
  fs.readdirSync = ((path: string, ...args: []) => {
    const names = list(path, ...args);
    if (path === packs && added === undefined) {
      added = builder.putRecord("new", {});
      builder.setRef("new", added);
    }
    return names;
  }) as typeof fs.readdirSync;
  syncBuiltinESMExports();
  try {
    store.gc({});
  } finally {
    fs.readdirSync = list;
    syncBuiltinESMExports();
  }
  assert.equal(builder.readRecord(added as Digest).value, "new");
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  builder.close();
  store.close();
});
