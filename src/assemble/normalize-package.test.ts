// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Entry } from "../formats/index.ts";
import { normalizePackage } from "./normalize-package.ts";
import { dumpTree, type EntrySpec, makePackage, memoryContents } from "./testing/make-package.ts";

function normalized(files: Readonly<Record<string, EntrySpec>>, usrMerged = true): string[] {
  return dumpTree(
    normalizePackage(makePackage("p", { files }, memoryContents()), { usrMerged, runLinked: true }).tree,
  );
}

test("normalizePackage moves what is at the root into /usr and makes its directories", () => {
  assert.deepEqual(
    normalized({ "bin/sh": { link: "dash" }, "bin/dash": { mode: 0o755, text: "x" }, "lib64/": {} }),
    [
      "/usr dir 0755 0:0",
      "/usr/bin dir 0755 0:0",
      "/usr/bin/dash file 0755 0:0",
      "/usr/bin/sh -> dash",
      "/usr/lib64 dir 0755 0:0",
    ],
  );
});

test("normalizePackage leaves paths alone where /usr is not merged, and look-alikes anywhere", () => {
  const files = { "bin/x": "", "binary/y": "", "opt/bin/z": "" };
  assert.ok(normalized(files, false).includes("/bin/x file 0644 0:0"));
  assert.deepEqual(
    normalized(files).filter((line) => line.includes("file")),
    ["/binary/y file 0644 0:0", "/opt/bin/z file 0644 0:0", "/usr/bin/x file 0644 0:0"],
  );
});

test("normalizePackage moves hard links with their targets and keeps the smallest name as the file", () => {
  const files = { "lib/a": { mode: 0o600, text: "one" }, "opt/b": { hardlink: "lib/a" } };
  assert.deepEqual(
    normalized(files).filter((line) => !line.includes(" dir ")),
    ["/opt/b file 0600 0:0", "/usr/lib/a == /opt/b"],
  );
});

test("normalizePackage accepts a package that ships the links of merged /usr itself", () => {
  assert.deepEqual(normalized({ bin: { link: "usr/bin" }, lib: { link: "/usr/lib" }, "usr/bin/": {} }), [
    "/bin -> usr/bin",
    "/lib -> /usr/lib",
    "/usr dir 0755 0:0",
    "/usr/bin dir 0755 0:0",
  ]);
});

test("normalizePackage moves what is in /var/run to /run and drops the directory", () => {
  assert.deepEqual(normalized({ "var/run/x/": { mode: 0o750, uid: 5 }, "var/lock/": { mode: 0o1777 } }), [
    "/run dir 0755 0:0",
    "/run/x dir 0750 5:0",
    "/var dir 0755 0:0",
  ]);
});

test("normalizePackage sets all times to 0 and keeps capabilities", () => {
  const xattrs = { "security.capability": "AQAAAgAgAAAAAAAAAAAAAAAAAAA=" };
  const files = { "usr/bin/ping": { mtimeSeconds: 1234, mode: 0o755, xattrs } };
  const { tree } = normalizePackage(makePackage("p", { files }, memoryContents()), {
    usrMerged: true,
    runLinked: true,
  });
  assert.ok(tree.every((entry) => entry.mtimeSeconds === 0));
  assert.deepEqual(tree.at(-1)?.xattrs, xattrs);
});

const device = {
  type: "char",
  mode: 0o666,
  uid: 0,
  gid: 0,
  mtimeSeconds: 0,
  major: 1,
  minor: 3,
} as unknown as Entry;
const hostile: readonly (readonly [string, Readonly<Record<string, EntrySpec>>, RegExp])[] = [
  ["a device", { "dev/null": device }, /char device/],
  ["a whiteout", { "etc/.wh.passwd": "" }, /deletion/],
  ["an opaque marker as a directory", { "etc/.wh..wh..opq/x": "" }, /deletion/],
  ["an overlay attribute", { "etc/": { xattrs: { "trusted.overlay.opaque": "eQ==" } } }, /overlayfs/],
  ["an owner beyond 32 bits", { etc: { uid: 2 ** 32 - 1 } }, /no Linux id/],
  ["a file where a link of merged /usr stands", { bin: "x" }, /a file, where a link/],
  ["a link to elsewhere where one of merged /usr stands", { lib: { link: "opt/lib" } }, /where a link/],
  ["two files that fall together", { "bin/x": "1", "usr/bin/x": "2" }, /falls together/],
  ["a file at /var/run", { "var/run": "x" }, /where a link to "\/run"/],
];
for (const [what, files, message] of hostile) {
  test(`normalizePackage refuses ${what}`, () => {
    assert.throws(() => normalized(files), { code: "ASSEMBLE_PACKAGE_INVALID", message });
    assert.throws(() => normalized(files), /package "p" 1\.0/);
  });
}
