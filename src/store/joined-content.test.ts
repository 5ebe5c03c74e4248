// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { type Digest, digestBytes, digestOf } from "../base/index.ts";
import { largeTree, putJoined } from "./joined.contract.ts";
import { measureJoin } from "./joined-content.ts";
import { Layout } from "./layout.ts";
import { encodePackFooter, encodePackHeader, encodePackTable, type JoinedContent } from "./pack-format.ts";
import { listPacks } from "./recover.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode, put, sample } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();

/** Adds a pack of nothing but joins, as it would be written; true or not. */
function addJoins(dir: string, ...joins: readonly JoinedContent[]): void {
  const table = { compressor: "test/1", contents: [], joins };
  const bytes = encodePackTable(table);
  const path = new Layout(dir).pack(digestOf(bytes));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([encodePackHeader(table), bytes, encodePackFooter(bytes)]));
  rmSync(join(dir, "index.sqlite"), { force: true });
}

function versionsOf(dir: string): number[] {
  const layout = new Layout(dir);
  return listPacks(layout).map((id) => readFileSync(layout.pack(id)).readUInt32LE(8)).sort();
}

test("an index that is made anew knows the joins of packs of both versions", () => {
  const dir = freshDir();
  const [tree, whole] = withStore(dir, (store) => {
    put(store, "plain");
    // Larger than what is kept in memory until the end.
    const pieces = Array.from({ length: 30 }, (_, i) => sample(i, 50_000));
    return [store.putTree(largeTree()), putJoined(store, ...pieces).digest] as const;
  });
  assert.deepEqual(versionsOf(dir), [1, 2, 2]);
  rmSync(join(dir, "index.sqlite"));
  withStore(dir, (store) => {
    assert.deepEqual(store.readTree(tree), largeTree());
    assert.equal(digestOf(store.read(whole)), whole);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

test("gc carries live joins out of packs that are mostly garbage", () => {
  const dir = freshDir();
  const digest = withStore(dir, (store) => {
    const [a, b] = [sample(1, 900), sample(2, 900)];
    put(store, a);
    const pack = store.beginPack();
    pack.put(sample(3, 50_000));
    const info = pack.putJoined([a, b]);
    pack.commit();
    // A pack of one join, dead with all its pieces in others.
    putJoined(store, b, a);
    store.setRef("image", store.putRecord("image", { contents: [info.digest] }));
    const dry = store.gc({ dryRun: true });
    const report = store.gc({});
    assert.deepEqual([report.rewrittenPacks, report.removedPacks, report.removedContents], [1, 1, 2]);
    assert.ok(Math.abs(report.freedBytes - dry.freedBytes) <= 4096, `${report.freedBytes} ${dry.freedBytes}`);
    assert.equal(digestOf(store.read(info.digest)), info.digest);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    assert.deepEqual([store.gc({}).rewrittenPacks, store.gc({}).removedContents], [0, 0]);
    return info.digest;
  });
  rmSync(join(dir, "index.sqlite"));
  withStore(dir, (store) => assert.equal(digestOf(store.read(digest)), digest));
});

test("a damaged piece is found, taken out by repair, named by what reaches it, and healed by the next put", () => {
  const dir = freshDir();
  const pieces = [sample(1, 3000), sample(2, 3000)];
  const damaged = digestOf(pieces[0] as Buffer);
  const whole = withStore(dir, (store) => {
    put(store, pieces[0] as Buffer);
    const { digest } = putJoined(store, ...pieces);
    store.setRef("image", store.putRecord("image", { contents: [digest] }));
    return digest;
  });
  const layout = new Layout(dir);
  const paths = listPacks(layout).map((id) => layout.pack(id));
  const path = paths.find((pack) => readFileSync(pack).includes(pieces[0] as Buffer)) as string;
  const bad = readFileSync(path);
  bad[100] = (bad[100] as number) ^ 1;
  chmodSync(path, 0o600);
  writeFileSync(path, bad);
  withStore(dir, (store) => {
    assert.deepEqual(store.fsck({ full: false }).faults, []);
    const found = store.fsck({ full: true }).faults.map(({ what, refs }) => [what, refs]);
    assert.deepEqual(found, [[damaged, ["image"]]]);
    assert.throws(() => store.read(whole), hasCode("STORE_CONTENT_DAMAGED"));
    const faults = store.fsck({ full: true, repair: true }).faults;
    assert.deepEqual(faults.map(({ what }) => what), [damaged, whole]);
    assert.ok(faults[1]?.why.includes(`its piece "${damaged}" is not in the store`), faults[1]?.why);
    assert.equal(store.has(whole), false);
    assert.equal(store.info(whole), undefined);
    assert.throws(() => store.read(whole), hasCode("STORE_CONTENT_MISSING"));
    putJoined(store, ...pieces);
    assert.equal(digestOf(store.read(whole)), whole);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

test("fsck finds joins that are not what they say, and repair takes them out", () => {
  const dir = freshDir();
  const [a, b] = [Buffer.from("piece a"), Buffer.from("piece b")];
  const pieces = [digestOf(a), digestOf(b)];
  const good = measureJoin([a, b]);
  const wrongs: [boolean, JoinedContent][] = [
    [false, { ...good, digest: digestOf("longer"), sizeBytes: 15, pieces }],
    [true, { ...good, digest: digestOf("other"), pieces }],
    [true, { ...good, crc64: "0".repeat(16), pieces }],
  ];
  for (const [full, wrong] of wrongs) {
    withStore(dir, (store) => void put(store, a, b));
    addJoins(dir, wrong, { ...measureJoin([b, a]), pieces: pieces.toReversed() });
    withStore(dir, (store) => {
      assert.deepEqual(store.fsck({ full, repair: true }).faults.map(({ what }) => what), [wrong.digest]);
      assert.equal(store.has(wrong.digest), false);
      assert.equal(Buffer.from(store.read(digestOf(Buffer.concat([b, a])))).toString(), "piece bpiece a");
      assert.deepEqual(store.fsck({ full: true }).faults, []);
    });
  }
});

test("read gives no byte of a join that has another digest as if it were whole", () => {
  const dir = freshDir();
  withStore(dir, (store) => void put(store, "piece a", "piece b"));
  const pieces = [digestOf("piece a"), digestOf("piece b")];
  const wrong = { ...measureJoin([Buffer.from("piece apiece b")]), digest: digestOf("other"), pieces };
  addJoins(dir, wrong);
  withStore(dir, (store) => {
    assert.throws(() => store.read(wrong.digest), hasCode("STORE_CONTENT_DAMAGED"));
    assert.throws(() => [...store.stream(wrong.digest)], hasCode("STORE_CONTENT_DAMAGED"));
  });
});

test("joins of joins in other packs, in a circle too, are not in the store", () => {
  const dir = freshDir();
  withStore(dir, (store) => void put(store, "a"));
  const [a, x, y] = [digestOf("a"), digestOf("x"), digestOf("y")];
  const common = { sizeBytes: 9, crc64: "0".repeat(16) };
  addJoins(dir, { ...common, digest: x, pieces: [y, a] });
  addJoins(dir, { ...common, digest: y, pieces: [x, a] });
  withStore(dir, (store) => {
    for (const digest of [x, y]) {
      assert.equal(store.has(digest), false);
      assert.throws(() => store.read(digest), hasCode("STORE_CONTENT_MISSING"));
    }
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.setRef("image", store.putRecord("image", { contents: [x] }));
    assert.deepEqual(store.fsck({ full: true }).faults.map(({ what }) => what), [x]);
    store.gc({});
  });
});

test("fsck finds where the index and a pack do not agree on a join", () => {
  const dir = freshDir();
  const digest = withStore(dir, (store) => putJoined(store, Buffer.from("a"), Buffer.from("b")).digest);
  const index = new DatabaseSync(join(dir, "index.sqlite"));
  const swapped = Buffer.concat([digestBytes(digestOf("b")), digestBytes(digestOf("a"))]);
  index.prepare("UPDATE contents SET pieces = ? WHERE digest = ?").run(swapped, digestBytes(digest));
  index.close();
  withStore(dir, (store) => {
    const faults = store.fsck({ full: false, repair: true }).faults;
    assert.deepEqual(faults.map(({ kind, what, repair }) => [kind, what, repair]), [["index", digest, "restored"]]);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    assert.equal(Buffer.from(store.read(digest)).toString(), "ab");
  });
});

test("a store of version 1 is read, and brought up to this one", () => {
  const dir = freshDir();
  const [info] = withStore(dir, (store) => put(store, "kept"));
  writeFileSync(join(dir, "format"), "ashlar store 1\n");
  const index = new DatabaseSync(join(dir, "index.sqlite"));
  index.exec("DROP TABLE contents; DROP TABLE actions; PRAGMA user_version = 1");
  index.close();
  withStore(dir, (store) => assert.equal(Buffer.from(store.read(info?.digest as Digest)).toString(), "kept"));
  assert.equal(readFileSync(join(dir, "format"), "utf8"), "ashlar store 4\n");
});
