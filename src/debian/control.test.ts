// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError, limits } from "../base/index.ts";
import { field, parseControl } from "./control.ts";

test("parseControl reads stanzas, folded and multi-line values, comments", () => {
  const text = [
    "# written by hand",
    "Package: a",
    "Depends: b,",
    " c",
    "# in the middle",
    "\td",
    "Description: short ",
    " long  ",
    " .",
    "  more",
    "",
    "",
    "Package:b",
    "Empty:",
  ].join("\n");
  const [first, second, ...rest] = parseControl(text);
  assert.equal(rest.length, 0);
  assert.deepEqual(
    [...(first ?? [])],
    [
      ["Package", "a"],
      ["Depends", "b,\n c\n\td"],
      ["Description", "short\n long\n .\n  more"],
    ],
  );
  assert.deepEqual(
    [...(second ?? [])],
    [
      ["Package", "b"],
      ["Empty", ""],
    ],
  );
});

test("field finds a name whatever its case", () => {
  const [stanza] = parseControl("pAckage: a\n__proto__: x\n");
  assert.ok(stanza !== undefined);
  assert.equal(field(stanza, "Package"), "a");
  assert.equal(field(stanza, "Version"), undefined);
  assert.equal(field(stanza, "constructor"), undefined);
});

test("parseControl of nothing is no stanza", () => {
  assert.deepEqual(parseControl(""), []);
  assert.deepEqual(parseControl("\n\n# only a comment\n"), []);
});

test("parseControl reads names of people that are no UTF-8", () => {
  const [stanza] = parseControl(Buffer.from("Maintainer: Jos\xe9\n", "latin1"));
  assert.equal(stanza?.get("Maintainer"), "Jos\uFFFD");
});

test("parseControl refuses what readers understand differently, with the line", () => {
  const bad: readonly (readonly [string, number])[] = [
    ["Package: a\nPackage: b\n", 2],
    ["Package: a\npackage: b\n", 2],
    [" a: b\n", 1],
    ["A: b\n \nC: d\n", 2],
    ["A: b\n\t\n", 2],
    ["A: b\n\r\nC: d\n", 2],
    ["no colon\n", 1],
    [": x\n", 1],
    ["A b: x\n", 1],
    ["-----BEGIN PGP SIGNED MESSAGE-----\n", 1],
    ["A: b\0c\n", 1],
    ["A: b\n\n c\n", 3],
    ["ä: x\n", 1],
  ];
  for (const [text, line] of bad) {
    assert.throws(
      () => parseControl(text),
      (error) => isAshlarError(error, "DEBIAN_CONTROL_INVALID") && error.details["line"] === line,
      JSON.stringify(text),
    );
  }
});

test("parseControl bounds bytes and fields", () => {
  const fields = Array.from({ length: 501 }, (_, at) => `F${at}: x`).join("\n");
  for (const input of [fields, new Uint8Array(limits.textBytesMax + 1)]) {
    assert.throws(
      () => parseControl(input),
      (error) => isAshlarError(error, "DEBIAN_CONTROL_INVALID"),
    );
  }
  const [stanza] = parseControl(`A: ${"x".repeat(8 << 20)}\n`);
  assert.equal(stanza?.get("A")?.length, 8 << 20);
});
