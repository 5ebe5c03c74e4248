// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { encodeForeignHeader, type ForeignEntry } from "./foreign-header.ts";
import { parsePax } from "./pax.ts";
import { type TarEntry, type TarVisitor } from "./index.ts";
import { tarEnd, tarPadding } from "./tar-header.ts";
import { TarParser } from "./tar-parser.ts";

const base: ForeignEntry = {
  ...{ name: "usr/bin/tool", type: "file", mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000 },
  ...{ sizeBytes: 0, linkName: "", major: 0, minor: 0, userName: "", groupName: "" },
};
const long = `usr/${"d".repeat(60)}/${"e".repeat(60)}`;

function read(bytes: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  const visitor: TarVisitor = { entry: (entry) => void entries.push(entry), data: () => {}, endEntry: () => {} };
  const parser = new TarParser(visitor);
  parser.push(Buffer.concat([bytes, tarEnd]));
  parser.finish();
  return entries;
}

// The forms of Go are held against archive/tar itself by the blobs of src/pull/estargz-way.test.ts.
const cases: readonly Partial<ForeignEntry>[] = [
  {},
  { name: long },
  { name: `usr/${"n".repeat(150)}` },
  { name: "usr/share/na\u00efve", xattrs: { "user.b": "AAEC", "user.a": "PQ==" } },
  { type: "symlink", linkName: "x".repeat(101) },
  { type: "char", major: 5, minor: 1, mode: 0o020666 },
  { uid: 3_000_000, gid: 4_000_000, mtimeSeconds: -7 },
  { userName: "r\u00f6ot", groupName: "g".repeat(33) },
];

for (const [i, fields] of cases.entries()) {
  test(`encodeForeignHeader says in Go's form what the entry says (${i})`, () => {
    const entry = { ...base, ...fields };
    const { userName: _, groupName: __, ...rest } = entry;
    assert.deepEqual(read(encodeForeignHeader(entry, "go-posix")), [{ ...rest, mode: entry.mode & 0o7777 }]);
  });
}

test("encodeForeignHeader splits a long name at the last slash that it can, as Go does", () => {
  const name = `${"a/".repeat(60)}${"b".repeat(20)}`;
  const block = encodeForeignHeader({ ...base, name }, "go-posix");
  assert.equal(block.length, 512);
  assert.equal(block.toString("latin1", 0, 20), "b".repeat(20));
  assert.equal(block.toString("latin1", 345, 345 + 119), "a/".repeat(60).slice(0, -1));
});

test("encodeForeignHeader repeats a long name in a pax header that is there for something else, as Go does", () => {
  const header = encodeForeignHeader({ ...base, name: long, xattrs: { "user.a": "PQ==" } }, "go-posix");
  const size = Number.parseInt(header.toString("latin1", 124, 135), 8);
  const values = parsePax(header.subarray(512, 512 + size), 0);
  assert.equal(values.path, long);
  assert.equal(header.toString("latin1", 0, 14), "usr/dddddddddd");
  assert.ok(header.subarray(0, 100).toString("latin1").includes("/PaxHeaders.0/"));
});

test("encodeForeignHeader ends a name that is cut behind a slash in front of it, as Go does", () => {
  const name = `${"n".repeat(99)}/${"m".repeat(120)}`;
  const header = encodeForeignHeader({ ...base, name }, "go-posix");
  assert.equal(header[header.length - 512 + 98], "n".charCodeAt(0));
  assert.equal(header[header.length - 512 + 99], 0);
});

test("encodeForeignHeader makes the headers of GNU tar again", () => {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-foreign-"));
  try {
    for (const path of ["etc/motd", long, `usr/${"n".repeat(150)}`, "usr/na\u00efve", "usr/empty"]) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), path.endsWith("empty") ? "" : path);
      utimesSync(join(dir, path), 1_700_000_000, 1_700_000_000);
    }
    symlinkSync("y".repeat(130), join(dir, "usr/link"));
    linkSync(join(dir, "etc/motd"), join(dir, "usr/same"));
    for (const owner of [[], ["--numeric-owner"]]) {
      const args = ["--format=gnu", "--sort=name", "--owner=root:0", "--group=root:0", ...owner];
      const tar = execFileSync("tar", ["-C", dir, ...args, "-cf", "-", "."], { env: { ...process.env, LC_ALL: "C" } });
      const name = owner.length === 0 ? "root" : "";
      assert.ok(remake(tar, name).equals(tar.subarray(0, remake(tar, name).length)));
      assert.ok(tar.subarray(remake(tar, name).length).every((byte) => byte === 0));
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

/** The tar from what a reader sees of it. */
function remake(tar: Uint8Array, owner: string): Buffer {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const parser = new TarParser({
    entry: (entry) => {
      size = entry.sizeBytes;
      pieces.push(encodeForeignHeader({ ...entry, userName: owner, groupName: owner }, "gnu"));
    },
    data: (bytes) => void pieces.push(bytes),
    endEntry: () => void pieces.push(tarPadding(size)),
  });
  parser.push(tar);
  parser.finish();
  return Buffer.concat(pieces);
}

test("encodeForeignHeader refuses what it does not know how others write", () => {
  const refused = (fields: Partial<ForeignEntry>, ...forms: ("go-posix" | "go-gnu" | "gnu")[]): void => {
    for (const form of forms) {
      const make = (): unknown => encodeForeignHeader({ ...base, ...fields }, form);
      assert.throws(make, (error) => isAshlarError(error, "FORMATS_TAR_REMAKE"), JSON.stringify(fields));
    }
  };
  refused({ mode: 0o10000000 }, "go-posix", "go-gnu", "gnu");
  refused({ type: "char", major: 2 ** 22 }, "go-posix", "go-gnu", "gnu");
  refused({ uid: 3_000_000 }, "go-gnu", "gnu");
  refused({ mtimeSeconds: -1 }, "go-gnu", "gnu");
  refused({ userName: "u".repeat(33) }, "go-gnu", "gnu");
  refused({ xattrs: { "a=b": "" } }, "go-posix", "go-gnu");
});
