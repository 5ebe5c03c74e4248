// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { adoptedFilesContract } from "./adopted-files.contract.ts";
import { openStore } from "./disk-store.ts";
import { memoryStore } from "./memory-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

adoptedFilesContract("openStore", () => openStore(freshDir(), { compressor }));
adoptedFilesContract("memoryStore", () => memoryStore());

/** A directory of a file for each text. */
function hostDir(...texts: readonly string[]): string {
  const dir = freshDir();
  mkdirSync(dir);
  texts.forEach((text, i) => writeFileSync(join(dir, String(i)), text));
  return dir;
}

test("a store without adopted files has no list of them, and looking makes none", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  assert.equal(store.adopted.sizes([digestOf("x")]).size, 0);
  assert.equal(store.adopted.take(digestOf("x"), store.beginPack()), undefined);
  assert.deepEqual([store.adopted.list(), store.adopted.forget("/usr")], [[], false]);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  assert.equal(existsSync(join(dir, "adopted.sqlite")), false);
  store.close();
});

test("what is adopted outlives the process and gc, and is counted", () => {
  const dir = freshDir();
  const host = hostDir("one", "two");
  const first = openStore(dir, { compressor });
  const second = openStore(dir, { compressor });
  first.adopted.add(host);
  assert.equal(second.adopted.sizes([digestOf("one")]).get(digestOf("one")), 3);
  first.close();
  second.gc({});
  const { adopted, adoptedBytes, contents } = second.stats();
  assert.deepEqual([adopted, adoptedBytes, contents], [2, 6, 0]);
  second.close();
});

test("the list of adopted files may be removed or damaged: it is made anew", () => {
  const dir = freshDir();
  const list = join(dir, "adopted.sqlite");
  const host = hostDir(...Array.from({ length: 300 }, (_, i) => `text ${i}`));
  const adopt = (): number => {
    const store = openStore(dir, { compressor });
    try {
      return store.adopted.add(host).readFiles;
    } finally {
      store.close();
    }
  };
  assert.equal(adopt(), 300);
  assert.equal(adopt(), 0);
  const damages: readonly (() => void)[] = [
    () => rmSync(list),
    () => writeFileSync(list, ""),
    () => writeFileSync(list, "no database ".repeat(1000)),
  ];
  for (const damage of damages) {
    damage();
    assert.equal(adopt(), 300);
  }
});

test("a list of adopted files that was being made when its process ended is none", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  writeFileSync(join(dir, "adopted.sqlite-new"), "SQLite format 3\0 and no more");
  writeFileSync(join(dir, "adopted.sqlite-new-journal"), "");
  assert.deepEqual([store.adopted.list(), store.fsck({ full: true }).faults], [[], []]);
  assert.equal(store.adopted.add(hostDir("one")).files, 1);
  assert.equal(existsSync(join(dir, "adopted.sqlite-new")), false);
  store.close();
});

test("fsck finds a damaged list of adopted files, and repair removes it", () => {
  const dir = freshDir();
  const list = join(dir, "adopted.sqlite");
  const host = hostDir(...Array.from({ length: 500 }, (_, i) => `text ${i}`));
  const before = openStore(dir, { compressor });
  before.adopted.add(host);
  before.close();
  const good = readFileSync(list);
  const bad = [Buffer.from("no database ".repeat(1000)), Buffer.from(good).fill(0xff, good.length - 3 * 4096)];
  for (const bytes of bad) {
    writeFileSync(list, bytes);
    const store = openStore(dir, { compressor });
    const whats = (repair: boolean): string[] => store.fsck({ full: false, repair }).faults.map(({ what }) => what);
    assert.ok(whats(false).every((what) => what === "adopted.sqlite") && whats(false).length > 0);
    assert.equal(readdirSync(dir).includes("adopted.sqlite"), true);
    whats(true);
    assert.deepEqual(whats(false), []);
    assert.equal(store.adopted.add(host).readFiles, 500);
    store.close();
  }
});

test("adopt passes over the store itself, and refuses to adopt it", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  store.put(Buffer.from("stored"));
  writeFileSync(join(dir, "../beside"), "beside");
  assert.equal(store.adopted.add(dirname(dir)).files, 1);
  for (const path of [dir, join(dir, "packs")]) {
    assert.throws(() => store.adopted.add(path), hasCode("STORE_ADOPT_DIR"));
  }
  store.close();
});
