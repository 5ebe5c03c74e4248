// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { AshlarError, type Digest, digestBytes } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { diskSource } from "./disk-source.ts";
import { openStore } from "./disk-store.ts";
import { GcMarks } from "./gc-mark.ts";
import { planPacks } from "./gc-plan.ts";
import type { GcPhase } from "./gc-report.ts";
import { IndexDatabase } from "./index-database.ts";
import { putJoined } from "./joined.contract.ts";
import { Layout } from "./layout.ts";
import { listPacks } from "./recover.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode, put, sample } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

test("gc takes no pack because the row of a content in it went astray", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [a] = put(store, sample(1, 9000));
  const [b] = put(store, sample(2, 9000));
  const digests = [a?.digest as Digest, b?.digest as Digest] as const;
  store.setRef("image", store.putRecord("image", { contents: digests }));
  const index = new DatabaseSync(join(dir, "index.sqlite"));
  const packs = index.prepare("SELECT number >> 22 AS pack FROM contents WHERE digest = ?");
  const [from, to] = digests.map((digest) => packs.get(digestBytes(digest))?.["pack"] as number) as [number, number];
  assert.notEqual(from, to);
  const stray = "UPDATE contents SET number = ? WHERE digest = ?";
  // Into the pack of the other, where it would be taken for one more; then into one that never was.
  for (const number of [to * 2 ** 22 + 9, 7000 * 2 ** 22]) {
    index.prepare(stray).run(number, digestBytes(digests[0]));
    assert.throws(() => store.gc({}), hasCode("STORE_INDEX_DAMAGED"));
    assert.equal(listPacks(new Layout(dir)).length, 3);
  }
  index.close();
  store.fsck({ full: false, repair: true });
  assert.equal(store.gc({}).removedPacks, 0);
  for (const digest of digests) assert.equal(store.read(digest).length, 9000);
  store.close();
});

test("gc plans nothing where the index has a join that it did not tell", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const { digest } = putJoined(store, sample(1, 400), sample(2, 400));
  store.setRef("image", store.putRecord("image", { contents: [digest] }));
  const index = IndexDatabase.open(join(dir, "index.sqlite")) as IndexDatabase;
  const marks = new GcMarks(store, diskSource(store, index));
  marks.markRefs();
  assert.throws(() => planPacks(index, index.packs(), marks), hasCode("STORE_INDEX_DAMAGED"));
  marks.markPieces([...index.joins()].map((location) => location.join));
  assert.equal(planPacks(index, index.packs(), marks).dead.count, 0);
  index.close();
  store.close();
});

test("gc begins anew when another process made the index again in the meantime", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [dead] = put(store, sample(1, 9000));
  const [live] = put(store, sample(2, 9000));
  store.setRef("image", store.putRecord("image", { contents: [live?.digest as Digest] }));
  const phases: GcPhase[] = [];
  const report = store.gc({
    onPhase(phase) {
      phases.push(phase);
      if (phase !== "wait" || phases.filter((one) => one === "wait").length > 1) return;
      for (const suffix of ["", "-wal", "-shm"]) rmSync(join(dir, `index.sqlite${suffix}`), { force: true });
      openStore(dir).close();
    },
  });
  assert.deepEqual(phases, ["mark", "copy", "wait", "sweep", "mark", "copy", "wait", "sweep", "clean"]);
  assert.deepEqual([report.removedContents, report.removedPacks], [1, 1]);
  assert.equal(store.has(dead?.digest as Digest), false);
  assert.equal(store.read(live?.digest as Digest).length, 9000);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});

test("rows of packs that a killed gc left are no fault, and the next gc takes them", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  put(store, sample(1, 9000));
  const [id] = listPacks(new Layout(dir)) as [Digest];
  // As right after the sweep.
  const index = new DatabaseSync(join(dir, "index.sqlite"));
  index.exec("DELETE FROM packs");
  rmSync(new Layout(dir).pack(id));
  writeFileSync(join(dir, "tmp", "left"), "");
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.gc({});
  assert.deepEqual(index.prepare("SELECT count(*) AS count FROM contents").get()?.["count"], 0);
  index.close();
  store.close();
});

test("gc takes no pack whose copy had no room in the index, and still takes what needs no copy", (t) => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [kept] = put(store, sample(1, 1000), sample(2, 20_000));
  const [dead] = put(store, sample(3, 9000));
  store.setRef("image", store.putRecord("image", { contents: [kept?.digest as Digest] }));
  const add = IndexDatabase.prototype.addPack;
  t.mock.method(IndexDatabase.prototype, "addPack", function (this: IndexDatabase, ...args: Parameters<typeof add>) {
    add.apply(this, args);
    if (args[1]?.prefer === true) throw new AshlarError("STORE_DISK_FULL", "Cannot write: made for a test");
  });
  assert.equal(store.gc({}).removedPacks, 1);
  assert.equal(store.has(dead?.digest as Digest), false);
  assert.equal(store.read(kept?.digest as Digest).length, 1000);
  assert.equal(listPacks(new Layout(dir)).length, 3, "the old one, its copy and that of the record");
  t.mock.restoreAll();
  store.gc({});
  assert.equal(store.read(kept?.digest as Digest).length, 1000);
  assert.equal(listPacks(new Layout(dir)).length, 2);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});
