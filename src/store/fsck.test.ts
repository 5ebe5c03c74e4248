// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { type Digest, digestBytes, digestOf, type Progress } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { Layout } from "./layout.ts";
import { listPacks } from "./recover.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, put, sample } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

function packPaths(dir: string): string[] {
  const layout = new Layout(dir);
  return listPacks(layout).map((id) => layout.pack(id));
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 4;
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
}

test("the parts of a subset find each damaged pack, link and download once, whatever else is there", () => {
  const dir = freshDir();
  withStore(dir, (store) => {
    const tree = makeTree(
      Array.from({ length: 24 }, (_, i) => fileEntry(store, `f${i}`, sample(i, 400), { mtimeSeconds: i })),
    );
    store.checkout(tree, `${dir}-root`, { mode: "link" });
    for (const text of ["one", "two", "three"]) {
      const path = store.downloadPath(digestOf(text));
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, `${text} damaged`);
    }
  });
  const packs = packPaths(dir);
  for (const path of packs) flip(path, 40);
  for (let i = 0; i < 24; i++) writeFileSync(join(`${dir}-root`, `f${i}`), sample(99, 400));
  const all = withStore(dir, (store) => store.fsck({ full: true }).faults.map(({ what }) => what).sort());
  assert.equal(all.length, 24 + 24 + 3);
  for (const parts of [1, 4, 7]) {
    const found = Array.from({ length: parts }, (_, i) =>
      withStore(dir, (store) => store.fsck({ full: false, subset: { part: i + 1, of: parts } })),
    );
    assert.deepEqual(found.flatMap(({ faults }) => faults.map(({ what }) => what)).sort(), all);
    assert.equal(found.reduce((sum, report) => sum + report.packs, 0), packs.length);
    if (parts > 1) assert.ok(found.every((report) => report.packs < packs.length), "each part reads some of them");
  }
});

test("fsck --repair moves a damaged pack into quarantine as it was, and keeps the sound rest of it", () => {
  const dir = freshDir();
  const [first, second] = [sample(1, 500), sample(2, 500)];
  withStore(dir, (store) => void put(store, first, second));
  const [path] = packPaths(dir) as [string];
  flip(path, 30);
  const bad = readFileSync(path);
  withStore(dir, (store) => {
    const { faults, quarantined } = store.fsck({ full: true, repair: true });
    assert.deepEqual(faults.map(({ what, repair }) => [what, repair]), [[digestOf(first), "quarantined"]]);
    assert.deepEqual(quarantined, [join(dir, "quarantine", basename(path))]);
    assert.ok(readFileSync(quarantined[0] as string).equals(bad));
    assert.equal(store.has(digestOf(first)), false);
    assert.ok(second.equals(store.read(digestOf(second))));
    assert.deepEqual(store.fsck({ full: true }), { contents: 1, packs: 1, faults: [], quarantined: [] });
    const aside = (): string[] => readdirSync(join(dir, "quarantine"));
    store.gc({});
    assert.equal(aside().length, 1, "kept for two weeks");
    assert.ok(store.gc({ purge: true, dryRun: true }).freedBytes >= bad.length);
    assert.equal(aside().length, 1);
    store.gc({ purge: true });
    assert.deepEqual(aside(), []);
  });
});

test("a fault names the refs that reach it, through records, trees and joins, and no others", () => {
  const dir = freshDir();
  const bad = sample(1, 700);
  withStore(dir, (store) => {
    put(store, bad);
    const entry = fileEntry(store, "bad", bad);
    const others = Array.from({ length: 600 }, (_, i) => ({ ...entry, path: `x${i}` as never, content: digestOf("") }));
    const tree = store.putTree(makeTree([entry, ...others]));
    const inner = store.putRecord("inner", { trees: [tree] });
    store.setRef("image/deep", store.putRecord("outer", { records: [inner] }));
    store.setRef("image/flat", store.putRecord("flat", { contents: [digestOf(bad)] }));
    store.setRef("image/other", store.putRecord("other", { contents: [store.put(sample(5, 9)).digest] }));
  });
  flip(packPaths(dir).find((path) => readFileSync(path).includes(bad.subarray(0, 64))) as string, 100);
  withStore(dir, (store) => {
    const [fault, ...more] = store.fsck({ full: true }).faults;
    assert.deepEqual([fault?.what, fault?.refs, more], [digestOf(bad), ["image/deep", "image/flat"], []]);
    store.fsck({ full: true, repair: true });
    const left = store.fsck({ full: true }).faults;
    assert.deepEqual(left.map(({ kind, what, refs }) => [kind, what, refs]), [
      ["missing", digestOf(bad), ["image/deep", "image/flat"]],
    ]);
    put(store, bad);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

test("fsck finds rows of the index that are wrong, astray or gone, and repair takes them from the packs", () => {
  const dir = freshDir();
  const contents = [1, 2, 3].map((seed) => sample(seed, 300));
  const digests = contents.map((bytes) => digestOf(bytes)) as [Digest, Digest, Digest];
  withStore(dir, (store) => {
    put(store, ...contents);
    store.setRef("image", store.putRecord("image", { contents: digests }));
  });
  const wrongs: [string, ...Uint8Array[]][] = [
    ["UPDATE contents SET offset = offset + 1 WHERE digest = ?", digestBytes(digests[0])],
    ["UPDATE contents SET size = size + 256 WHERE digest = ?", digestBytes(digests[1])],
    ["UPDATE contents SET crc32 = crc32 + 1 WHERE digest = ?", digestBytes(digests[2])],
    ["UPDATE contents SET digest = ? WHERE digest = ?", digestBytes(digestOf("other")), digestBytes(digests[0])],
    ["UPDATE contents SET number = 7000 << 22 WHERE digest = ?", digestBytes(digests[1])],
    ["UPDATE contents SET number = number + (1 << 22) WHERE digest = ?", digestBytes(digests[1])],
    ["DELETE FROM contents WHERE digest = ?", digestBytes(digests[2])],
  ];
  for (const [sql, ...values] of wrongs) {
    const index = new DatabaseSync(join(dir, "index.sqlite"));
    assert.equal(index.prepare(sql).run(...values).changes, 1);
    index.close();
    withStore(dir, (store) => {
      assert.notDeepEqual(store.fsck({ full: false }).faults, [], sql);
      const { faults, quarantined } = store.fsck({ full: false, repair: true });
      assert.ok(faults.every(({ repair }) => repair === "restored"), JSON.stringify(faults));
      assert.deepEqual(quarantined, []);
      assert.deepEqual(store.fsck({ full: true }).faults, [], sql);
      contents.forEach((bytes, i) => assert.ok(bytes.equals(store.read(digests[i] as Digest))));
    });
  }
});

test("fsck --repair makes an index again that SQLite finds damaged", () => {
  const dir = freshDir();
  const contents = Array.from({ length: 300 }, (_, i) => sample(i, 40));
  withStore(dir, (store) => void put(store, ...contents));
  const path = join(dir, "index.sqlite");
  const bytes = readFileSync(path);
  bytes.fill(0xff, bytes.length - 4096 + 8, bytes.length - 4096 + 80);
  writeFileSync(path, bytes);
  withStore(dir, (store) => {
    assert.equal(store.fsck({ full: false }).faults[0]?.what, "index.sqlite");
    assert.equal(store.fsck({ full: true, repair: true }).faults[0]?.repair, "restored");
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    for (const one of contents) assert.ok(one.equals(store.read(digestOf(one))));
  });
});

test("a handle that was open when the index was made anew writes to the new one", () => {
  const dir = freshDir();
  const old = openStore(dir, { compressor });
  put(old, "before");
  rmSync(join(dir, "index.sqlite"));
  withStore(dir, (store) => assert.equal(store.has(digestOf("before")), true));
  put(old, "after");
  old.close();
  withStore(dir, (store, said) => {
    assert.equal(store.has(digestOf("after")), true);
    assert.deepEqual(said, []);
  });
});

test("an index that is lost, empty, damaged, of another version or no file is made again, and it is said", () => {
  const dir = freshDir();
  withStore(dir, (store) => void put(store, "kept"));
  const path = join(dir, "index.sqlite");
  const damages: (() => void)[] = [
    () => rmSync(path),
    () => writeFileSync(path, ""),
    () => writeFileSync(path, "not a database ".repeat(100)),
    () => (rmSync(path), mkdirSync(path)),
    () => {
      const index = new DatabaseSync(path);
      index.exec("PRAGMA user_version = 1000");
      index.close();
    },
  ];
  damages.forEach((damage, i) => {
    damage();
    withStore(dir, (store, said) => {
      assert.equal(Buffer.from(store.read(digestOf("kept"))).toString(), "kept");
      assert.equal(said.length, 1, `damage ${i}: ${said}`);
      assert.match(said[0] as string, /^made the store's index again from 1 packs: it was /);
    });
    withStore(dir, (_, said) => assert.deepEqual(said, []));
  });
  assert.deepEqual(readdirSync(join(dir, "quarantine")), ["index.sqlite"], "the directory that stood in its place");
});

test("fsck tells how much is read of how much there is", () => {
  const dir = freshDir();
  withStore(dir, (store) => {
    const tree = makeTree([fileEntry(store, "a", sample(1, 3000)), fileEntry(store, "b", sample(2, 5000))]);
    store.checkout(tree, `${dir}-root`, { mode: "link" });
  });
  const steps = new Map<string, [number, number]>();
  const progress: Progress = {
    start(name, total = 0) {
      steps.set(name, [0, total]);
      return { advance: (amount) => void ((steps.get(name) as [number, number])[0] += amount), done: () => {} };
    },
    ...{ note: () => {}, warn: () => {}, log: () => {} },
  };
  withStore(dir, (store) => store.fsck({ full: true, progress }));
  const packBytes = packPaths(dir).reduce((sum, path) => sum + readFileSync(path).length, 0);
  assert.deepEqual(steps.get("check packs"), [packBytes, packBytes]);
  assert.deepEqual(steps.get("check links"), [8000, 8000]);
  for (const [done, total] of steps.values()) assert.equal(done, total);
});
