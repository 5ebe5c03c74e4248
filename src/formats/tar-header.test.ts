// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { digestOf, isAshlarError, parsePath, pathToBytes } from "../base/index.ts";
import { encodeTarHeader, tarEnd, tarNameOf, tarPadding } from "./tar-header.ts";
import { anyEntry } from "./testing/any-entry.ts";
import { readTar } from "./testing/read-tar.ts";
import type { DeviceEntry, DirEntry, Entry, FileEntry, SymlinkEntry } from "./tree.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

function file(path: string, parts: Partial<FileEntry> = {}): FileEntry {
  return { ...meta, type: "file", path: parsePath(path), sizeBytes: 0, content: digestOf(""), ...parts };
}

/** What our own parser says of the one entry; content is left out by announcing no more than there is. */
function back(entry: Entry): ReturnType<typeof readTar>[0]["entry"] {
  const size = entry.type === "file" ? entry.sizeBytes : 0;
  const [only] = readTar(Buffer.concat([encodeTarHeader(entry), Buffer.alloc(size), tarPadding(size), tarEnd]));
  assert.ok(only);
  return only.entry;
}

test("encodeTarHeader makes one block where ustar can hold the entry", () => {
  const block = encodeTarHeader(
    file("usr/bin/env", { mode: 0o4755, uid: 0o7777777, gid: 5, mtimeSeconds: 0o77777777777 }),
  );
  assert.equal(block.length, 512);
  const text = block.toString("latin1");
  assert.equal(
    text.slice(100, 156),
    "0004755\x007777777\x000000005\x0000000000000\x0077777777777\x00" + text.slice(148, 156),
  );
  assert.match(text.slice(148, 156), /^0[0-7]{5}\0 $/);
  assert.equal(text.slice(257, 345), `ustar\x0000${"\0".repeat(64)}0000000\x000000000\x00`);
});

test("encodeTarHeader splits a long name at a slash, and takes pax where there is none", () => {
  const split = file(`${"d".repeat(155)}/${"n".repeat(100)}`);
  assert.equal(encodeTarHeader(split).length, 512);
  assert.equal(back(split).name, split.path);
  const long = file(`${"d".repeat(156)}/${"n".repeat(100)}`);
  assert.equal(encodeTarHeader(long).length, 1536);
  assert.equal(back(long).name, long.path);
  const whole = file("w".repeat(101));
  assert.equal(encodeTarHeader(whole).length, 1536);
  assert.equal(encodeTarHeader(file("w".repeat(100))).length, 512);
  const dir: DirEntry = { ...meta, type: "dir", path: parsePath(`${"d".repeat(60)}/${"e".repeat(99)}`) };
  assert.equal(encodeTarHeader(dir).length, 512);
  assert.equal(back(dir).name, `${dir.path}/`);
});

test("encodeTarHeader counts bytes of names, not characters", () => {
  const umlauts = file("\u00e4".repeat(60));
  assert.equal(encodeTarHeader(umlauts).length, 1536);
  assert.equal(back(umlauts).name, umlauts.path);
  const raw = file("bin/\udcff\udc80x");
  assert.deepEqual(encodeTarHeader(raw).subarray(0, 8), Buffer.from("bin/\xff\x80x\0", "latin1"));
  assert.equal(back(raw).name, raw.path);
  const longRaw = file(`\udcff${"\u00e4".repeat(100)}`);
  assert.ok(encodeTarHeader(longRaw).includes(pathToBytes(`path=${longRaw.path}\n`)));
  assert.equal(back(longRaw).name, longRaw.path);
});

test("encodeTarHeader writes what octal cannot hold to pax", () => {
  const odd = file("x", { uid: 0o7777777 + 1, gid: 4_294_967_294, mtimeSeconds: -5 });
  const header = encodeTarHeader(odd);
  assert.equal(header.length, 1536);
  assert.match(header.toString("latin1"), /15 uid=2097152\n18 gid=4294967294\n12 mtime=-5\n\0/);
  const { uid, gid, mtimeSeconds } = back(odd);
  assert.deepEqual([uid, gid, mtimeSeconds], [2097152, 4294967294, -5]);
  assert.match(encodeTarHeader(file("x", { sizeBytes: 8 * 2 ** 30 })).toString("latin1"), /19 size=8589934592\n/);
  const device: DeviceEntry = { ...meta, type: "char", path: parsePath("dev/x"), major: 2_097_152, minor: 7 };
  assert.deepEqual([back(device).major, back(device).minor], [2_097_152, 7]);
});

test("encodeTarHeader writes attributes in the order of their names", () => {
  const value = Buffer.from([1, 0, 10, 61]).toString("base64");
  const one = encodeTarHeader(
    file("x", { xattrs: { "user.b": value, "user.B": value, "security.capability": value } }),
  );
  const two = encodeTarHeader(
    file("x", { xattrs: { "security.capability": value, "user.B": value, "user.b": value } }),
  );
  assert.deepEqual(one, two);
  const at = ["security.capability", "user.B", "user.b"].map((name) => one.indexOf(`SCHILY.xattr.${name}=`));
  assert.deepEqual(
    at,
    [...at].sort((a, b) => a - b),
  );
  assert.ok(!at.includes(-1));
});

test("encodeTarHeader refuses what no tar can hold", () => {
  const link: SymlinkEntry = { ...meta, type: "symlink", path: parsePath("l"), target: "a\0b" };
  assert.throws(
    () => encodeTarHeader(link),
    (error) => isAshlarError(error, "FORMATS_TAR_NAME"),
  );
  for (const name of ["", "a=b", "a\0"]) {
    assert.throws(
      () => encodeTarHeader(file("x", { xattrs: { [name]: "" } })),
      (error) => isAshlarError(error, "FORMATS_TAR_NAME"),
    );
  }
});

test("encodeTarHeader gives back every entry through TarParser", () => {
  fc.assert(
    fc.property(anyEntry({ sizeBytesMax: 2000 }), (entry) => {
      const seen = back(entry);
      assert.equal(seen.name, tarNameOf(entry));
      assert.equal(seen.type, entry.type);
      const { mode, uid, gid, mtimeSeconds } = entry;
      assert.deepEqual([seen.mode, seen.uid, seen.gid, seen.mtimeSeconds], [mode, uid, gid, mtimeSeconds]);
      assert.deepEqual(seen.xattrs ?? {}, entry.xattrs ?? {});
      assert.equal(seen.linkName, entry.type === "symlink" || entry.type === "hardlink" ? entry.target : "");
      if (entry.type === "char" || entry.type === "block")
        assert.deepEqual([seen.major, seen.minor], [entry.major, entry.minor]);
      assert.deepEqual(encodeTarHeader(structuredClone(entry)), encodeTarHeader(entry));
    }),
    { numRuns: 500 },
  );
});

test("tarPadding fills the last block", () => {
  assert.deepEqual(
    [0, 1, 511, 512, 513].map((size) => tarPadding(size).length),
    [0, 511, 1, 0, 511],
  );
  assert.equal(tarEnd.length, 1024);
});
