// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";

import { type Digest, digestOf } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { filesBelow, Layout } from "./layout.ts";
import { listLinks, parseLinkName } from "./link-farm.ts";
import { listPacks } from "./recover.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { dirEntry, fileEntry, hasCode, put, sample, symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

test("openStore makes a private directory and opens it again without a compressor", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const { digest } = store.put(Buffer.from("x"));
  store.close();
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.equal(readFileSync(join(dir, "format"), "utf8"), "ashlar store 4\n");
  const reading = openStore(dir);
  assert.equal(Buffer.from(reading.read(digest)).toString(), "x");
  assert.throws(() => reading.beginPack(), /internal error/);
  reading.close();
  assert.deepEqual(readdirSync(join(dir, "tmp")), []);
});

test("openStore refuses a newer format, a damaged format file and a directory of other things", () => {
  const dir = freshDir();
  openStore(dir).close();
  writeFileSync(join(dir, "format"), "ashlar store 6\n");
  assert.throws(() => openStore(dir), hasCode("STORE_FORMAT_NEWER"));
  for (const text of ["", "ashlar store 0\n", "ashlar store 2", "x".repeat(1000)]) {
    writeFileSync(join(dir, "format"), text);
    assert.throws(() => openStore(dir), hasCode("STORE_FORMAT_INVALID"));
  }
  const other = freshDir();
  mkdirSync(other);
  writeFileSync(join(other, "holiday.jpg"), "x");
  assert.throws(() => openStore(other), hasCode("STORE_NOT_A_STORE"));
  assert.deepEqual(readdirSync(other), ["holiday.jpg"]);
  assert.throws(() => openStore("/proc/no/store"), hasCode("STORE_IO"));
  assert.throws(() => openStore(join(other, "holiday.jpg")), hasCode("STORE_IO"));
});

test("a pack without new contents writes no file", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  put(store, "one", "two");
  put(store, "two", "one", "");
  assert.equal(listPacks(new Layout(dir)).length, 1);
  store.close();
});

test("gc rewrites a pack that is mostly garbage and keeps one that is mostly live", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const [live, dead] = put(store, sample(1, 1000), sample(2, 20_000)).map((info) => info.digest) as [Digest, Digest];
  const [most, little] = put(store, sample(3, 20_000), sample(4, 1000)).map((info) => info.digest) as [Digest, Digest];
  store.setRef("image", store.putRecord("image", { contents: [live, most] }));
  const dry = store.gc({ dryRun: true });
  const report = store.gc({});
  assert.deepEqual([report.rewrittenPacks, report.removedPacks, report.removedContents], [1, 0, 2]);
  // How large the index will be is not known before.
  assert.ok(Math.abs(report.freedBytes - dry.freedBytes) < 60_000, `${report.freedBytes} and ${dry.freedBytes}`);
  assert.ok(report.freedBytes > 19_000);
  assert.deepEqual([live, dead, most, little].map((digest) => store.has(digest)), [true, false, true, false]);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  assert.deepEqual(store.gc({}).rewrittenPacks, 0);
  store.close();
  rmSync(join(dir, "index.sqlite"));
  const rebuilt = openStore(dir, { compressor });
  assert.equal(digestOf(rebuilt.read(live)), live);
  rebuilt.close();
});

test("gc keeps a pack that its rewriting would make again", () => {
  const dir = freshDir();
  const first = openStore(dir, { compressor });
  const second = openStore(dir, { compressor });
  // Two writers at once: the index takes the copy among the garbage, the other pack holds only this content.
  const [one, two] = [first.beginPack(), second.beginPack()];
  one.put(sample(1, 1000));
  one.put(sample(2, 20_000));
  const { digest } = two.put(sample(1, 1000));
  one.commit();
  two.commit();
  first.setRef("image", first.putRecord("image", { contents: [digest] }));
  assert.equal(listPacks(new Layout(dir)).length, 3);
  first.gc({});
  assert.equal(digestOf(first.read(digest)), digest);
  assert.deepEqual(first.fsck({ full: true }).faults, []);
  assert.equal(digestOf(second.read(digest)), digest, "another open handle finds the new place");
  first.close();
  second.close();
});

test("gc drops links of removed contents, downloads and what was left in tmp", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree([fileEntry(store, "a", Buffer.from("a")), fileEntry(store, "b", Buffer.from("b"))]);
  store.setRef("image", store.putRecord("image", { trees: [store.putTree(tree.slice(0, 1))] }));
  store.checkout(tree, `${dir}-root`, { mode: "link" });
  const download = store.downloadPath(digestOf("download"));
  mkdirSync(dirname(download), { recursive: true });
  writeFileSync(download, "download");
  mkdirSync(join(store.tmpDir, "left/over"), { recursive: true });
  writeFileSync(join(store.tmpDir, "left/over/x"), "x");
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  const report = store.gc({});
  assert.deepEqual([report.removedLinks, report.removedDownloads], [1, 1]);
  assert.deepEqual(readdirSync(store.tmpDir), []);
  assert.equal(existsSync(download), false);
  assert.equal(readFileSync(`${dir}-root/b`, "utf8"), "b", "a checkout keeps its files");
  assert.equal(store.stats().links, 1);
  store.close();
});

test("gc follows no symlink of an unfinished root out of the store", () => {
  const [dir, outside] = [freshDir(), freshDir()];
  mkdirSync(outside);
  writeFileSync(join(outside, "precious"), "x");
  const store = openStore(dir, { compressor });
  mkdirSync(join(store.tmpDir, "root-1-0-0/var"), { recursive: true });
  symlinkSync(outside, join(store.tmpDir, "root-1-0-0/var/run"));
  symlinkSync(outside, join(dir, "downloads/sha256/aa"));
  assert.equal(store.gc({}).removedDownloads, 0);
  assert.deepEqual(readdirSync(store.tmpDir), []);
  assert.equal(readFileSync(join(outside, "precious"), "utf8"), "x");
  store.close();
});

test("checkout links the same inodes again, and never one twice into a root", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree(["a", "b"].map((path) => fileEntry(store, path, Buffer.from("same"))));
  for (const root of ["1", "2"]) store.checkout(tree, `${dir}-${root}`, { mode: "link" });
  const inode = (path: string): number => statSync(`${dir}-${path}`).ino;
  assert.equal(inode("1/a"), inode("2/a"));
  assert.equal(inode("1/b"), inode("2/b"));
  assert.notEqual(inode("1/a"), inode("1/b"));
  assert.equal(store.stats().links, 2);
  store.close();
});

test("checkout makes a new inode when a link has all the names it can have", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor, linkCountMax: 3 });
  const link = symlinkEntry("l", "somewhere");
  const tree = makeTree([fileEntry(store, "a", Buffer.from("x")), link]);
  const inodes: number[] = [];
  for (let i = 0; i < 7; i++) {
    store.checkout(tree, `${dir}-${i}`, { mode: "link" });
    inodes.push(statSync(`${dir}-${i}/a`).ino, lstatSync(`${dir}-${i}/l`).ino);
  }
  assert.equal(new Set(inodes).size, 8);
  assert.equal(store.stats().links, 2);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});

test("fsck finds a link that somebody changed: bytes, mode, time; repair removes it", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree([fileEntry(store, "a", Buffer.from("good"))]);
  const damages: [boolean, (path: string) => void][] = [
    [false, (path) => chmodSync(path, 0o600)],
    [false, (path) => utimesSync(path, 5, 5)],
    [false, (path) => writeFileSync(path, "longer than it was")],
    [true, (path) => (writeFileSync(path, "evil"), utimesSync(path, 0, 0))],
  ];
  damages.forEach(([full, damage], i) => {
    store.checkout(tree, `${dir}-${i}`, { mode: "link" });
    assert.deepEqual(store.fsck({ full }).faults, []);
    damage(`${dir}-${i}/a`);
    assert.equal(store.fsck({ full, repair: true }).faults.length, 1, `damage ${i}`);
    store.checkout(tree, `${dir}-again-${i}`, { mode: "link" });
    assert.equal(readFileSync(`${dir}-again-${i}/a`, "utf8"), "good");
  });
  store.close();
});

test("the first opening after a start of the machine drops links and finds packs the index lost", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const entry = fileEntry(store, "a", Buffer.from("kept"));
  store.checkout([entry], `${dir}-root`, { mode: "link" });
  store.close();
  const index = new DatabaseSync(join(dir, "index.sqlite"));
  index.exec("UPDATE meta SET value = 'an earlier one' WHERE name = 'boot'; DELETE FROM contents; DELETE FROM packs");
  index.close();
  writeFileSync(join(dir, "boot"), "an earlier one");
  const again = openStore(dir, { compressor });
  assert.equal(Buffer.from(again.read(entry.content)).toString(), "kept");
  assert.equal(again.stats().links, 0);
  assert.deepEqual(filesBelow(join(dir, "tmp")), []);
  assert.equal(readFileSync(`${dir}-root/a`, "utf8"), "kept");
  again.close();
});

test("the first opening after a start of the machine makes a damaged index again", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const contents = Array.from({ length: 400 }, (_, i) => sample(i, 40));
  const digests = put(store, ...contents).map((info) => info.digest);
  store.close();
  const path = join(dir, "index.sqlite");
  const index = new DatabaseSync(path);
  index.exec("UPDATE meta SET value = 'an earlier one' WHERE name = 'boot'");
  index.close();
  // Pages behind the header, the schema and the tables' roots.
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xff, bytes.length - 3 * 4096));
  const again = openStore(dir, { compressor });
  for (const digest of digests) assert.equal(digestOf(again.read(digest)), digest);
  again.close();
});

test("parseLinkName reads what a checkout wrote and nothing else", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const more = { mode: 0o4755, mtimeSeconds: -3, xattrs: { "user.a": "AA==" } };
  const entry = fileEntry(store, "a", Buffer.from("x"), more);
  store.checkout([entry], `${dir}-root`, { mode: "link" });
  const [link] = [...listLinks(new Layout(dir))];
  const parsed = parseLinkName(link?.name ?? "");
  assert.ok(parsed?.type === "file");
  assert.deepEqual([parsed.content, parsed.mode, parsed.mtimeSeconds], [entry.content, 0o4755, -3]);
  assert.equal(parsed?.xattrs?.length, 32);
  for (const name of ["", "x", `${"a".repeat(64)}.644.0.0`, `${"a".repeat(64)}.644.0.0.0.zz`, "../../etc/passwd"]) {
    assert.equal(parseLinkName(name), undefined);
  }
  store.close();
});

test("keepCheckout makes a root once, and gc takes it away", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = makeTree([dirEntry("d"), fileEntry(store, "d/f", Buffer.from("text"))]);
  const digest = store.putTree(tree);
  const path = store.keepCheckout(digest);
  const { ino } = statSync(join(path, "d/f"));
  assert.equal(readFileSync(join(path, "d/f"), "utf8"), "text");
  assert.equal(store.keepCheckout(digest), path);
  assert.equal(statSync(join(path, "d/f")).ino, ino);
  assert.deepEqual(readdirSync(store.tmpDir), []);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.gc({});
  assert.equal(existsSync(path), false);
  assert.throws(() => store.keepCheckout(digest), hasCode("STORE_CONTENT_MISSING"));
  store.close();
});

test("fsck finds what changed in a kept root, and repair takes the root away", () => {
  const changes: readonly ((root: string) => void)[] = [
    (root) => rmSync(join(root, "d/f")),
    (root) => writeFileSync(join(root, "strange"), ""),
    (root) => chmodSync(join(root, "d"), 0o700),
    (root) => utimesSync(join(root, "d"), 5, 5),
    (root) => {
      rmSync(join(root, "d/f"));
      writeFileSync(join(root, "d/f"), "other");
    },
  ];
  for (const change of changes) {
    const store = openStore(freshDir(), { compressor });
    const tree = makeTree([dirEntry("d"), fileEntry(store, "d/f", Buffer.from("text"))]);
    const path = store.keepCheckout(store.putTree(tree));
    change(path);
    assert.deepEqual(store.fsck({ full: false }).faults.map(({ what }) => what), [path]);
    store.fsck({ full: false, repair: true });
    assert.equal(existsSync(path), false);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  }
});

test("a checkout above another takes no inode of it", () => {
  const store = openStore(freshDir(), { compressor });
  const twins = ["a", "b", "c"].map((path) => fileEntry(store, path, Buffer.from("same")));
  const near = makeTree(twins.slice(0, 2));
  const below = store.keepCheckout(store.putTree(near));
  const above = freshDir();
  store.checkout(twins.slice(2), above, { mode: "link", above: near });
  const inodes = [join(below, "a"), join(below, "b"), join(above, "c")].map((path) => statSync(path).ino);
  assert.equal(new Set(inodes).size, 3);
  store.close();
});
