// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { digestBytes } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { encodeRefsChange } from "./refs-log.ts";
import type { Ref } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

/** A store with some names that were set, set again and deleted. */
function makeStore(): { readonly dir: string; readonly refs: readonly Ref[] } {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [one, two] = [store.putRecord(1, {}), store.putRecord(2, {})];
  store.setRef("image/a", one, ["build", "/srv/a"]);
  store.setRef("image/b", one);
  store.setRef("image/ü", two, ["pull", "registry.example/ü"]);
  store.setRef("image/b", two);
  store.setRef("image/gone", two);
  assert.equal(store.deleteRef("image/gone"), true);
  assert.equal(store.deleteRef("image/gone"), false);
  const refs = store.listRefs();
  assert.deepEqual(refs.map(({ name }) => name), ["image/a", "image/b", "image/ü"]);
  store.close();
  return { dir, refs };
}

test("refs come back from their log when the database is gone, cut, damaged or no file, and it is said", () => {
  const { dir, refs } = makeStore();
  const path = join(dir, "refs.sqlite");
  const good = readFileSync(path);
  const damages: (() => void)[] = [
    () => rmSync(path),
    () => writeFileSync(path, ""),
    () => writeFileSync(path, "not a database, and longer than a header of one hundred bytes ".repeat(10)),
    () => writeFileSync(path, good.subarray(0, 50)),
    () => writeFileSync(path, Buffer.concat([good.subarray(0, 100), Buffer.alloc(good.length - 100, 0xff)])),
    () => (rmSync(path), mkdirSync(path)),
  ];
  damages.forEach((damage, i) => {
    damage();
    withStore(dir, (store, said) => {
      assert.deepEqual(store.listRefs(), refs, `damage ${i}`);
      assert.equal(said.length, 1, String(said));
      assert.match(said[0] ?? "", /restored 3 names/);
      assert.deepEqual(store.fsck({ full: true }).faults, []);
    });
  });
  assert.equal(readdirSync(join(dir, "quarantine")).length, 4, "what was there is kept");
});

test("no bit of the database of refs flips without being found or without effect; repair brings the names back", () => {
  const { dir, refs } = makeStore();
  const path = join(dir, "refs.sqlite");
  const good = readFileSync(path);
  const log = readFileSync(join(dir, "refs.log"));
  for (let bit = 5; bit < good.length * 8; bit += 211) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(path, bad);
    writeFileSync(join(dir, "refs.log"), log);
    withStore(dir, (store, said) => {
      const { faults } = store.fsck({ full: false });
      if (faults.length + said.length === 0) assert.deepEqual(store.listRefs(), refs, `bit ${bit}`);
      store.fsck({ full: false, repair: true });
      assert.deepEqual(store.listRefs(), refs, `bit ${bit}`);
      assert.deepEqual(store.fsck({ full: false }).faults, []);
    });
    rmSync(join(dir, "quarantine"), { recursive: true, force: true });
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  }
});

test("every flipped bit of the log of refs is found, and repair writes it anew", () => {
  const { dir, refs } = makeStore();
  const path = join(dir, "refs.log");
  const good = readFileSync(path);
  for (let bit = 0; bit < good.length * 8; bit += 61) {
    const bad = Buffer.from(good);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(path, bad);
    withStore(dir, (store) => {
      const { faults } = store.fsck({ full: false, repair: true });
      assert.deepEqual(faults.map(({ what }) => what), ["refs.log"], `bit ${bit}`);
      assert.deepEqual(store.fsck({ full: false }).faults, []);
      assert.deepEqual(store.listRefs(), refs);
    });
    rmSync(join(dir, "quarantine"), { recursive: true });
    writeFileSync(path, good);
  }
});

function lastSequence(dir: string): number {
  const database = new DatabaseSync(join(dir, "refs.sqlite"));
  const row = database.prepare("SELECT sequence FROM state").get();
  database.close();
  return row?.["sequence"] as number;
}

test("a change that the log has and the database has not is done at the next opening, unless it is cut off", () => {
  const { dir, refs } = makeStore();
  const [{ target }] = refs as [Ref];
  for (const cut of [(line: string) => line, (line: string) => line.slice(0, 40), (line: string) => `${line}x`]) {
    const sequence = lastSequence(dir) + 1;
    const left = cut(encodeRefsChange({ sequence, all: false, refs: [{ name: "image/never", target }] }));
    appendFileSync(join(dir, "refs.log"), left);
    withStore(dir, (store, said) => {
      assert.equal(store.getRef("image/never"), left.includes("\n") ? target : undefined);
      assert.deepEqual(store.fsck({ full: false }).faults, [], left);
      store.deleteRef("image/never");
      store.setRef("image/b", target);
      assert.deepEqual(store.fsck({ full: false }).faults, [], left);
      store.setRef("image/b", (refs[1] as Ref).target);
      assert.deepEqual(store.listRefs(), refs);
      assert.deepEqual(said, []);
    });
  }
  rmSync(join(dir, "refs.sqlite"));
  withStore(dir, (store) => assert.deepEqual(store.listRefs(), refs));
});

test("a handle that was open when the database was restored writes to the new one", () => {
  const { dir, refs } = makeStore();
  const old = openStore(dir, { compressor });
  assert.deepEqual(old.listRefs(), refs);
  for (const name of readdirSync(dir).filter((file) => file.startsWith("refs.sqlite"))) rmSync(join(dir, name));
  withStore(dir, (store) => assert.deepEqual(store.listRefs(), refs));
  old.setRef("image/late", (refs[0] as Ref).target);
  old.close();
  withStore(dir, (store) => {
    assert.equal(store.getRef("image/late"), (refs[0] as Ref).target);
    assert.deepEqual(store.fsck({ full: false }).faults, []);
  });
});

test("where both are damaged what can be read of the log comes back, and the doubt is said", () => {
  const { dir } = makeStore();
  writeFileSync(join(dir, "refs.sqlite"), "not a database ".repeat(100));
  const lines = readFileSync(join(dir, "refs.log"), "utf8").split("\n");
  writeFileSync(join(dir, "refs.log"), lines.filter((_, i) => i !== 2).join("\n"));
  withStore(dir, (store, said) => {
    assert.deepEqual(store.listRefs().map(({ name }) => name), ["image/a", "image/b", "image/ü"]);
    assert.match(said[0] ?? "", /the log is damaged too/);
  });
});

test("a database of refs of version 1 is brought up and gets its log", () => {
  const { dir, refs } = makeStore();
  for (const name of ["refs.sqlite", "refs.log"]) rmSync(join(dir, name));
  const old = new DatabaseSync(join(dir, "refs.sqlite"));
  old.exec("PRAGMA journal_mode = WAL; CREATE TABLE refs (name TEXT PRIMARY KEY, target BLOB NOT NULL) WITHOUT ROWID");
  for (const { name, target } of refs) old.prepare("INSERT INTO refs VALUES (?, ?)").run(name, digestBytes(target));
  old.exec("PRAGMA user_version = 1");
  old.close();
  const plain = refs.map(({ name, target }) => ({ name, target }));
  withStore(dir, (store, said) => {
    assert.deepEqual(store.listRefs(), plain);
    assert.deepEqual(said, []);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
  rmSync(join(dir, "refs.sqlite"));
  withStore(dir, (store) => assert.deepEqual(store.listRefs(), plain));
});

test("the log of refs stays small however often they change", () => {
  const { dir, refs } = makeStore();
  withStore(dir, (store) => {
    const [{ target }] = refs as [Ref];
    for (let i = 0; i < 1500; i++) store.setRef(`image/${i % 10}`, target);
    assert.ok(statSync(join(dir, "refs.log")).size < 70_000);
    assert.deepEqual(store.fsck({ full: false }).faults, []);
    assert.equal(store.listRefs().length, 13);
  });
});

test("a log that is lost is written anew with the next change", () => {
  const { dir, refs } = makeStore();
  rmSync(join(dir, "refs.log"));
  withStore(dir, (store) => {
    assert.deepEqual(store.fsck({ full: false }).faults.map(({ what }) => what), ["refs.log"]);
    assert.throws(() => store.gc({}), hasCode("STORE_REFS_DAMAGED"));
    store.setRef("image/b", (refs[1] as Ref).target);
    assert.deepEqual(store.fsck({ full: false }).faults, []);
    store.gc({});
  });
  assert.equal(existsSync(join(dir, "quarantine")), false);
});

test("changes that the log has and the database has lost are done again before the next one", () => {
  const { dir } = makeStore();
  const path = join(dir, "refs.sqlite");
  const before = readFileSync(path);
  const [one, three] = withStore(dir, (store) => {
    const digests = [store.putRecord(1, {}), store.putRecord(3, {})] as const;
    for (let i = 0; i < 60; i++) store.setRef(`image/${"x".repeat(200)}${i}`, digests[0]);
    store.setRef("image/b", digests[1]);
    return digests;
  });
  // As where the end of SQLite's log is damaged.
  writeFileSync(path, before);
  withStore(dir, (store) => {
    store.setRef("image/new", one);
    assert.equal(store.getRef("image/b"), three);
    assert.equal(store.listRefs().length, 3 + 60 + 1);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

for (const [name, byte, bit] of [["format of the schema", 47, 0], ["version", 63, 1]] as const) {
  test(`refs come back where a bit of the header of their database flips: ${name}`, () => {
    const { dir, refs } = makeStore();
    const path = join(dir, "refs.sqlite");
    const bytes = readFileSync(path);
    bytes[byte] = (bytes[byte] as number) ^ (1 << bit);
    writeFileSync(path, bytes);
    withStore(dir, (store) => assert.deepEqual(store.listRefs(), refs));
    withStore(dir, (store) => assert.deepEqual(store.fsck({ full: true }).faults, []));
  });
}

test("gc keeps what a process that died had only written to the log", () => {
  const { dir, refs } = makeStore();
  withStore(dir, (collecting) => {
    collecting.listRefs();
    withStore(dir, (store) => {
      const target = store.putRecord("built", {});
      const last = readFileSync(join(dir, "refs.log"), "utf8").split("\n").at(-2) ?? "";
      const sequence = Number(/"sequence":(\d+)/.exec(last)?.[1]);
      const change = { sequence: sequence + 1, all: false, refs: [{ name: "image/built", target }] };
      appendFileSync(join(dir, "refs.log"), encodeRefsChange(change));
    });
    collecting.gc({});
  });
  withStore(dir, (store) => {
    assert.equal(store.listRefs().length, refs.length + 1);
    assert.equal(store.readRecord(store.getRef("image/built") as never).value, "built");
  });
});
