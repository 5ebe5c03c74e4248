// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ExpectDocument } from "../spec/index.ts";
import { verifyExpectations } from "./expectations.ts";
import { type EntrySpec, makeEntries, makePackage, memoryContents } from "./testing/make-package.ts";

const nothing: ExpectDocument = { deny: [], closure: "strict", closureAllow: [] };
const contents = memoryContents();

function verify(
  expect: Partial<ExpectDocument>,
  files: Readonly<Record<string, EntrySpec>>,
  names: readonly string[] = [],
): void {
  const packages = names.map((name) => makePackage(name, {}, contents).locked);
  verifyExpectations({ ...nothing, ...expect }, { tree: makeEntries(files, contents.putText), packages });
}

test("verifyExpectations accepts an image that keeps its promises", () => {
  const files = { "usr/bin/p": "12345", "var/mail/": { mode: 0o2775 }, "usr/share/sh": "x" };
  verify({ maxSizeBytes: 6, shell: false, setuid: false, deny: ["gcc"] }, files, ["libc6"]);
});

test("verifyExpectations counts a file with two names once and names the largest", () => {
  const files = { a: "12345", b: { hardlink: "a" }, c: "1" };
  verify({ maxSizeBytes: 6 }, files);
  assert.throws(() => verify({ maxSizeBytes: 5 }, files), {
    code: "POLICY_SIZE",
    because: ["/a: 5 bytes", "/c: 1 bytes"],
  });
});

test("verifyExpectations finds shells by name, links and busybox too", () => {
  const files = { "usr/bin/sh": { link: "dash" }, "usr/bin/busybox": "x", "opt/bash": "x" };
  assert.throws(() => verify({ shell: false }, files), {
    code: "POLICY_SHELL",
    because: ["/usr/bin/busybox", "/usr/bin/sh"],
  });
  assert.throws(() => verify({ shell: true }, files), { code: "POLICY_SHELL", message: /no \/bin\/sh/ });
  verify({ shell: true }, { bin: { link: "usr/bin" }, "usr/bin/sh": { link: "dash" }, "usr/bin/dash": "x" });
});

test("verifyExpectations finds setuid and setgid programs", () => {
  const files = { "usr/bin/su": { mode: 0o4755 }, "usr/bin/wall": { mode: 0o2755 }, "usr/lib/x": { mode: 0o2644 } };
  assert.throws(() => verify({ setuid: false }, files), {
    code: "POLICY_SETUID",
    because: ["/usr/bin/su", "/usr/bin/wall"],
  });
});

test("verifyExpectations says why a denied package is there", () => {
  assert.throws(() => verify({ deny: ["gcc", "cc"] }, {}, ["gcc", "libc6"]), {
    code: "POLICY_DENIED",
    message: /"gcc"/,
    because: ["gcc is there because of spec"],
  });
});

test("verifyExpectations reports all broken promises at once", () => {
  const files = { "usr/bin/sh": { mode: 0o4755, text: "12" } };
  assert.throws(() => verify({ maxSizeBytes: 1, shell: false, setuid: false }, files), {
    code: "POLICY_VIOLATED",
    details: { codes: ["POLICY_SIZE", "POLICY_SHELL", "POLICY_SETUID"] },
  });
});
