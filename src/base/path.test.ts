// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { isAshlarError } from "./error.ts";
import { comparePaths, nameFromBytes, parentOf, parseEntryName, parsePath, pathToBytes } from "./path.ts";

const refused = [
  "",
  "/",
  "a//b",
  "../a",
  "a/../b",
  "a/..",
  ".",
  "a/./b",
  "a\0b",
  `${"x/".repeat(300)}y`,
  "é".repeat(200),
];

test("parsePath refuses what leaves the image or is not canonical", () => {
  for (const text of refused) {
    assert.throws(
      () => parsePath(text),
      (error) => isAshlarError(error, "PATH_INVALID"),
      JSON.stringify(text),
    );
  }
});

test("parsePath drops the leading and trailing slash", () => {
  assert.equal(parsePath("/usr/bin/"), "usr/bin");
});

test("parseEntryName reads ./ names, takes ./ for the root and refuses absolute names", () => {
  assert.equal(parseEntryName("./usr/bin/"), "usr/bin");
  assert.equal(parseEntryName("./"), undefined);
  assert.throws(
    () => parseEntryName("/etc/passwd"),
    (error) => isAshlarError(error, "PATH_INVALID"),
  );
  assert.throws(
    () => parseEntryName("/"),
    (error) => isAshlarError(error, "PATH_INVALID"),
  );
});

test("nameFromBytes and pathToBytes lose no byte of any name", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.deepEqual(new Uint8Array(pathToBytes(nameFromBytes(bytes))), new Uint8Array(bytes));
    }),
  );
  const real = Buffer.from("caf\u00e9 \ufffd \u{1f600}", "utf8");
  assert.equal(nameFromBytes(real), real.toString("utf8"));
});

test("comparePaths orders by bytes, also beyond the basic plane", () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => nameFromBytes(bytes));
  const astral = fc.constantFrom("\uff5e", "\u{1f600}", "\ue000", "a", "a/b", "a-b");
  fc.assert(
    fc.property(fc.oneof(name, astral), fc.oneof(name, astral), (a, b) => {
      assert.equal(Math.sign(comparePaths(a, b)), Buffer.compare(pathToBytes(a), pathToBytes(b)));
    }),
  );
});

test("parentOf gives the directory, and nothing above the first", () => {
  assert.equal(parentOf(parsePath("usr/bin/env")), "usr/bin");
  assert.equal(parentOf(parsePath("usr")), undefined);
});
