// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { lstatSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { digestOf, limits, parsePath } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { dirEntry, fileEntry, hasCode, plainMeta, sample } from "./testing/sample.ts";
import { readXattrs } from "./xattr.ts";

/** What the checkout of every store must do. `make` gives a new empty one. */
export function checkoutContract(name: string, make: () => Store | Promise<Store>): void {
  const title = (text: string): string => `${name}: ${text}`;
  const freshDir = freshDirs();

  test(title("checkout by links and by copy make the tree, path for path"), async () => {
    const store = await make();
    const tree = makeTree(checkoutSample(store));
    for (const mode of ["link", "copy"] as const) {
      const dir = freshDir();
      const report = store.checkout(tree, dir, { mode });
      if (process.geteuid?.() === 0) assert.deepEqual(report.skipped, []);
      assert.equal(statSync(dir).mode & 0o7777, 0o755);
      assert.equal(statSync(dir).mtimeMs, 0);
      for (const entry of tree) verifyEntry(dir, entry, tree);
    }
    store.close();
  });

  test(title("checkout gives equal files of one tree an inode each, and hard links one"), async () => {
    const store = await make();
    const twins = ["a", "b", "c"].map((path) => fileEntry(store, path, Buffer.from("same")));
    const target = parsePath("a");
    const tree = makeTree([...twins, { ...plainMeta, type: "hardlink", path: parsePath("d"), target }]);
    for (const mode of ["link", "copy"] as const) {
      const dir = freshDir();
      store.checkout(tree, dir, { mode });
      const inodes = ["a", "b", "c"].map((name) => statSync(join(dir, name)).ino);
      assert.equal(new Set(inodes).size, 3);
      assert.equal(statSync(join(dir, "d")).ino, inodes[0]);
    }
    store.close();
  });

  test(title("checkout refuses a tree that would write through what is no directory"), async () => {
    const store = await make();
    const outside = freshDir();
    const file = fileEntry(store, "a/b", Buffer.from("x"));
    const link: Entry = { ...plainMeta, type: "symlink", path: parsePath("a"), target: outside };
    const cases: [string, Tree][] = [
      ["STORE_CHECKOUT_PARENT", [link, file]],
      ["STORE_CHECKOUT_PARENT", [file]],
      ["STORE_CHECKOUT_PARENT", [{ ...file, path: parsePath("a") }, file]],
      ["STORE_CHECKOUT_LINK", [{ ...plainMeta, type: "hardlink", path: parsePath("a"), target: parsePath("b") }]],
      ["STORE_CHECKOUT_LINK", [link, { ...plainMeta, type: "hardlink", path: parsePath("b"), target: parsePath("a") }]],
      ["STORE_CONTENT_MISSING", [{ ...file, path: parsePath("a"), content: digestOf("gone") }]],
    ];
    for (const [code, tree] of cases) {
      for (const mode of ["link", "copy"] as const) {
        const dir = freshDir();
        assert.throws(() => store.checkout(tree, dir, { mode }), hasCode(code));
        assert.equal(statSync(outside, { throwIfNoEntry: false }), undefined);
        assert.equal(statSync(join(dir, "a"), { throwIfNoEntry: false }), undefined, "nothing is left behind");
      }
    }
    store.close();
  });

  test(title("checkout refuses a directory that holds something, and leaves it as it is"), async () => {
    const store = await make();
    const dir = freshDir();
    store.checkout([], dir, { mode: "link" });
    writeFileSync(join(dir, "mine"), "x");
    assert.throws(() => store.checkout([], dir, { mode: "link" }), hasCode("STORE_CHECKOUT_NOT_EMPTY"));
    assert.equal(readFileSync(join(dir, "mine"), "utf8"), "x");
    symlinkSync("nowhere", `${dir}2`);
    assert.throws(() => store.checkout([], `${dir}2`, { mode: "link" }), hasCode("STORE_CHECKOUT_FAILED"));
    store.close();
  });
}

/** One of each kind, with what a naive checkout gets wrong. */
function checkoutSample(store: Store): Entry[] {
  const asRoot = process.geteuid?.() === 0;
  const at = (path: string): { path: Entry["path"]; uid: number; gid: number } => {
    return { path: parsePath(path), uid: asRoot ? 42 : 0, gid: asRoot ? 4242 : 0 };
  };
  const devices: Entry[] = [
    { ...plainMeta, ...at("dev/null"), type: "char", mode: 0o666, major: 1, minor: 3 },
    { ...plainMeta, ...at("dev/sda"), type: "block", mode: 0o660, major: 8, minor: 0, mtimeSeconds: 12 },
  ];
  return [
    dirEntry("dev"),
    ...(asRoot ? devices : []),
    { ...plainMeta, ...at("dev/initctl"), type: "fifo", mode: 0o600 },
    { ...dirEntry("closed", 0o555), mtimeSeconds: 1_600_000_000 },
    dirEntry("closed/deep", 0o2775),
    { ...dirEntry("tmp", 0o1777), ...at("tmp") },
    fileEntry(store, "closed/deep/empty", Buffer.alloc(0), { mode: 0o400 }),
    fileEntry(store, "closed/deep/empty2", Buffer.alloc(0), { mode: 0o400 }),
    fileEntry(store, "sudo", Buffer.from("#!sudo"), { ...at("sudo"), mode: 0o6755, mtimeSeconds: -86_400 }),
    fileEntry(store, "ping", Buffer.from("ping"), { xattrs: { "user.note": "AP//" } }),
    fileEntry(store, "large", sample(7, limits.frameBytesMax + 1), { mtimeSeconds: 1_700_000_000 }),
    fileEntry(store, "m\udcff\u00fc", Buffer.from("not UTF-8"), { mode: 0o600 }),
    { ...plainMeta, ...at("link"), type: "symlink", target: "/no/where \udcfe", mtimeSeconds: 5 },
    { ...plainMeta, ...at("z"), type: "hardlink", target: parsePath("sudo"), mode: 0o6755, mtimeSeconds: -86_400 },
  ];
}

function verifyEntry(dir: string, entry: Entry, tree: Tree): void {
  const name = entry.path.replace(/\udcff/g, "\0");
  const [head, tail] = name.split("\0") as [string, string | undefined];
  const rest = tail === undefined ? [] : [Buffer.from([0xff]), Buffer.from(tail)];
  const path = Buffer.concat([Buffer.from(`${dir}/${head}`), ...rest]);
  const stats = lstatSync(path);
  const asRoot = process.geteuid?.() === 0;
  if (entry.type !== "symlink") assert.equal((stats.mode & 0o7777).toString(8), entry.mode.toString(8), entry.path);
  assert.equal(stats.mtimeMs, entry.mtimeSeconds * 1000, entry.path);
  const owner = asRoot ? [entry.uid, entry.gid] : [process.geteuid?.(), process.getegid?.()];
  assert.deepEqual([stats.uid, stats.gid], owner);
  const kinds = { dir: stats.isDirectory(), symlink: stats.isSymbolicLink(), fifo: stats.isFIFO() };
  const more = { char: stats.isCharacterDevice(), block: stats.isBlockDevice() };
  const actual = Object.entries({ ...kinds, ...more }).find(([, is]) => is)?.[0] ?? "file";
  assert.equal(actual, entry.type === "hardlink" ? "file" : entry.type);
  switch (entry.type) {
    case "file":
      assert.equal(digestOf(readFileSync(path)), entry.content, entry.path);
      if (entry.xattrs !== undefined) assert.deepEqual(readXattrs(path.toString()), entry.xattrs);
      break;
    case "hardlink":
      assert.equal(stats.ino, statSync(join(dir, entry.target)).ino);
      assert.ok(tree.some((other) => other.path === entry.target));
      break;
    case "symlink":
      assert.equal(readlinkSync(path, "buffer").toString("latin1"), "/no/where \u00fe");
      break;
    case "char":
    case "block":
      assert.equal(stats.rdev, entry.major * 256 + entry.minor);
      break;
    default:
  }
}
