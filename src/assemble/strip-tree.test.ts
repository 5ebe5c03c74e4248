// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { stripTree, verifyOnly } from "./strip-tree.ts";
import { type EntrySpec, makeEntries, memoryContents } from "./testing/make-package.ts";

function strip(files: Readonly<Record<string, EntrySpec>>, groups: readonly string[], only?: readonly string[]) {
  return stripTree(makeEntries(files, memoryContents().putText), { groups, only, what: 'package "p"' });
}

function paths(result: ReturnType<typeof strip>): string[] {
  return result.tree.map((entry) => entry.path);
}

const files = {
  "usr/bin/p": "program",
  "usr/share/doc/p/copyright": "c",
  "usr/share/doc/p/README": "12345",
  "usr/share/doc/p/examples/x": "1",
  "usr/share/doc/q": { link: "p" },
  "usr/share/man/man1/p.1.gz": "m",
  "usr/share/man/": {},
  "usr/share/locale/de/LC_MESSAGES/p.mo": "de",
  "usr/share/locale/C/x": "c",
  "usr/share/locale/locale.alias": "a",
  "usr/share/lintian/overrides/p": "o",
  "usr/share/bug/p/script": "s",
  "usr/share/info/p.info.gz": "i",
};

test("stripTree drops each group with its emptied directories and keeps licences and the C locale", () => {
  const result = strip(files, ["docs", "man", "info", "locales", "lintian", "bugs"]);
  assert.deepEqual(paths(result), [
    "usr",
    "usr/bin",
    "usr/bin/p",
    "usr/share",
    "usr/share/doc",
    "usr/share/doc/p",
    "usr/share/doc/p/copyright",
    "usr/share/doc/q",
    "usr/share/locale",
    "usr/share/locale/C",
    "usr/share/locale/C/x",
    "usr/share/locale/locale.alias",
  ]);
  assert.equal(result.dropped.sizeBytes, 5 + 1 + 1 + 2 + 1 + 1 + 1);
  assert.equal(result.dropped.count, 17);
});

test("stripTree without groups changes nothing", () => {
  const result = strip(files, []);
  assert.deepEqual(result.dropped, { count: 0, sizeBytes: 0 });
  assert.ok(paths(result).includes("usr/share/doc/p/README"));
});

test("stripTree keeps a hard link whose file is dropped, as a file", () => {
  const linked = {
    "usr/share/doc/p/x": "data",
    "usr/share/p/x": { hardlink: "usr/share/doc/p/x" },
    "usr/share/p/y": { hardlink: "usr/share/doc/p/x" },
  };
  const { tree } = strip(linked, ["docs"]);
  assert.deepEqual(
    tree.filter((entry) => entry.type !== "dir").map((entry) => `${entry.path} ${entry.type}`),
    ["usr/share/p/x file", "usr/share/p/y hardlink"],
  );
});

test("stripTree refuses a group that does not exist, also one named like a member of objects", () => {
  for (const group of ["doc", "constructor"]) {
    assert.throws(() => strip(files, [group]), { code: "ASSEMBLE_STRIP_UNKNOWN" });
  }
});

test("stripTree with only keeps what the globs match and the directories above", () => {
  assert.deepEqual(paths(strip(files, [], ["/usr/share/locale/**/*.mo", "/bin/p"])), [
    "usr",
    "usr/bin",
    "usr/bin/p",
    "usr/share",
    "usr/share/locale",
    "usr/share/locale/de",
    "usr/share/locale/de/LC_MESSAGES",
    "usr/share/locale/de/LC_MESSAGES/p.mo",
  ]);
});

test("stripTree refuses a glob of only that matches nothing", () => {
  assert.throws(() => strip(files, [], ["/usr/bin/p", "/usr/bin/other"]), {
    code: "ASSEMBLE_ONLY_EMPTY",
    message: /bin\/other/,
  });
});

test("verifyOnly names packages that are not there", () => {
  verifyOnly({ a: [] }, new Set(["a", "b"]));
  assert.throws(() => verifyOnly({ z: [], a: [] }, new Set(["a"])), { code: "ASSEMBLE_ONLY_UNKNOWN", message: /"z"/ });
});
