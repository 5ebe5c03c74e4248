// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import fc from "fast-check";

import { isAshlarError } from "../../base/index.ts";
import { hasTool } from "../testing/dpkg.ts";
import { parseDiversions } from "./diversions.ts";

const parse = (text: string): ReturnType<typeof parseDiversions> =>
  parseDiversions(Buffer.from(text, "latin1"));

test("parseDiversions reads three lines a record, local ones without a package", () => {
  assert.deepEqual(parse("/usr/bin/a\n/usr/bin/a.distrib\nb\n/etc/x y\n/etc/x y.orig\n:\n"), [
    { from: "usr/bin/a", to: "usr/bin/a.distrib", by: "b" },
    { from: "etc/x y", to: "etc/x y.orig", by: undefined },
  ]);
  assert.deepEqual(parse(""), []);
  assert.equal(parse("/a\xe4\n/b\n:\n")[0]?.from, "a\uDCE4");
});

test("parseDiversions reads what dpkg-divert writes", (t) => {
  if (!hasTool(t, "dpkg-divert")) return;
  const dir = mkdtempSync(join(tmpdir(), "ashlar-divert-"));
  try {
    mkdirSync(join(dir, "info"));
    for (const name of ["status", "diversions", "info/format"]) writeFileSync(join(dir, name), "");
    const add = (...args: readonly string[]): unknown =>
      execFileSync("dpkg-divert", ["--admindir", dir, "--no-rename", "--add", ...args], { stdio: "pipe" });
    add("--package", "one", "--divert", "/opt/no/such.one", "/opt/no/such");
    add("--local", "/opt/no/other");
    const found = parseDiversions(readFileSync(join(dir, "diversions")));
    assert.deepEqual(
      [...found].sort((a, b) => (a.from < b.from ? -1 : 1)),
      [
        { from: "opt/no/other", to: "opt/no/other.distrib", by: undefined },
        { from: "opt/no/such", to: "opt/no/such.one", by: "one" },
      ],
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

for (const [fault, text] of Object.entries({
  "a record without its package": "/a\n/b\n",
  "a last line without its end": "/a\n/b\nc",
  "a relative path": "a\n/b\nc\n",
  "a path out of the root": "/a\n/../b\nc\n",
  "a package that is none": "/a\n/b\nc; rm\n",
  "an empty line": "/a\n/b\nc\n\n",
})) {
  test(`parseDiversions refuses ${fault}`, () => {
    assert.throws(
      () => parse(text),
      (error) => isAshlarError(error) && error.code === "DEBIAN_DIVERSIONS_INVALID",
    );
  });
}

test("parseDiversions throws nothing but its own error", () => {
  const line = fc.oneof(fc.constantFrom("/a", "/b/c", ":", "pkg", "", "/..", "\0"), fc.string());
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        for (const { from, to } of parse(lines.map((one) => `${one}\n`).join("")))
          assert.ok(from !== "" && to !== "");
      } catch (error) {
        assert.ok(isAshlarError(error) && error.code === "DEBIAN_DIVERSIONS_INVALID", String(error));
      }
    }),
  );
});
