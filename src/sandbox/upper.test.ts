// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, nameFromBytes, parsePath } from "../base/index.ts";
import { encodeTarHeader, type Entry, tarEnd, TarParser, tarPadding } from "../formats/index.ts";
import { memoryStore } from "../store/index.ts";
import { hasCode } from "./testing/place.ts";
import { type OverlayXattrs, type Upper, UpperReader } from "./upper.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 99 };
const opaque = Buffer.from("y").toString("base64");

function file(path: string, text: string, more: object = {}): readonly [Entry, string] {
  const content = digestOf(Buffer.from(text));
  return [{ ...meta, type: "file", path: parsePath(path), content, sizeBytes: text.length, ...more }, text];
}

function other(path: string, type: Entry["type"], more: object = {}): readonly [Entry, string] {
  return [{ ...meta, type, path: parsePath(path), ...more } as Entry, ""];
}

function read(members: readonly (readonly [Entry, string])[], xattrs: OverlayXattrs = "trusted"): Upper {
  const pack = memoryStore().beginPack();
  const reader = new UpperReader(pack, xattrs);
  const parser = new TarParser(reader);
  for (const [entry, text] of members) {
    parser.push(encodeTarHeader(entry));
    parser.push(Buffer.from(text));
    parser.push(tarPadding(text.length));
  }
  parser.push(tarEnd);
  parser.finish();
  pack.abort();
  return reader.finish();
}

test("UpperReader takes files, directories, links and fifos, with time 0", () => {
  const upper = read([
    other("d", "dir"),
    file("d/f", "text"),
    other("d/g", "hardlink", { target: "d/f" }),
    other("s", "symlink", { target: "../x" }),
    other("p", "fifo"),
  ]);
  assert.deepEqual([...upper.entries.keys()], ["d", "d/f", "d/g", "s", "p"]);
  for (const entry of upper.entries.values()) assert.equal(entry.mtimeSeconds, 0);
  assert.deepEqual(upper.entries.get(parsePath("d/f")), { ...file("d/f", "text")[0], mtimeSeconds: 0 });
  assert.deepEqual(upper.entries.get(parsePath("d/g")), {
    ...meta,
    mtimeSeconds: 0,
    type: "hardlink",
    path: "d/g",
    target: "d/f",
  });
});

test("UpperReader takes a device 0:0 for something gone, and further names of it", () => {
  const gone = { major: 0, minor: 0 };
  const upper = read([other("a", "char", gone), other("b", "hardlink", { target: "a" }), other("d", "dir")]);
  assert.deepEqual([...upper.whiteouts], ["a", "b"]);
  assert.deepEqual([...upper.entries.keys()], ["d"]);
});

test("UpperReader refuses all other devices", () => {
  for (const [type, major, minor] of [
    ["char", 1, 3],
    ["block", 0, 0],
    ["block", 8, 0],
    ["char", 0, 1],
  ] as const) {
    assert.throws(() => read([other("n", type, { major, minor })]), hasCode("SANDBOX_CAPTURE"));
  }
});

test("UpperReader knows opaque directories by the attribute of its kind of mount only, and strips both", () => {
  for (const [kind, name, is] of [
    ["trusted", "trusted.overlay.opaque", true],
    ["user", "user.overlay.opaque", true],
    ["trusted", "user.overlay.opaque", false],
    ["user", "trusted.overlay.opaque", false],
  ] as const) {
    const xattrs = { [name]: opaque, "user.kept": "YQ==" };
    const upper = read([other("d", "dir", { xattrs })], kind);
    assert.equal(upper.opaque.has(parsePath("d")), is, `${kind} ${name}`);
    assert.deepEqual(upper.entries.get(parsePath("d"))?.xattrs, { "user.kept": "YQ==" });
  }
  const merged = read([
    other("d", "dir", { xattrs: { "trusted.overlay.opaque": Buffer.from("x").toString("base64") } }),
  ]);
  assert.equal(merged.opaque.size, 0);
});

test("UpperReader strips what overlayfs and the host's security module add, and keeps capabilities", () => {
  const names = [
    "trusted.overlay.origin",
    "trusted.overlay.impure",
    "user.overlay.origin",
    "security.selinux",
    "security.ima",
  ];
  const xattrs = Object.fromEntries(names.map((name) => [name, "YQ=="]));
  const plain = read([file("f", "", { xattrs })]).entries.get(parsePath("f"));
  assert.equal(plain?.xattrs, undefined);
  const capable = read([file("f", "", { xattrs: { ...xattrs, "security.capability": "AQ==" } })]);
  assert.deepEqual(capable.entries.get(parsePath("f"))?.xattrs, { "security.capability": "AQ==" });
});

test("UpperReader leaves out the sandbox's own mount points with all below", () => {
  const upper = read([
    other("tmp", "dir"),
    file("tmp/f", "x"),
    other("run", "dir"),
    other("tmpfile", "dir"),
    other("proc", "dir"),
  ]);
  assert.deepEqual([...upper.entries.keys()], ["tmpfile"]);
});

test("UpperReader keeps names that are not UTF-8", () => {
  const name = nameFromBytes(Buffer.from([0x61, 0xff, 0xc3]));
  assert.deepEqual([...read([file(name, "x")]).entries.keys()], [name]);
});

test("UpperReader refuses a link to what was not there", () => {
  assert.throws(() => read([other("l", "hardlink", { target: "absent" })]), hasCode("SANDBOX_CAPTURE"));
});
