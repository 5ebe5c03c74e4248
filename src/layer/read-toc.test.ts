// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { parseToc } from "./read-toc.ts";

const digest = digestOf("a");
const file = { type: "reg", name: "a", size: 9, offset: 10, endOffset: 30, digest };
const refused: readonly [string, string][] = [
  ["millions of small objects", `{"version":1,"entries":[${"{},".repeat(2_000_001)}1]}`],
  ["millions of small lists", `{"version":1,"entries":[${"[],".repeat(2_000_001)}1]}`],
  ["a frame that no memory holds", tableOf({ ...file, size: 2 ** 30 })],
  ["a frame outside the data", tableOf({ ...file, endOffset: 1001 })],
  ["a frame of nothing", tableOf({ ...file, endOffset: 10 })],
  ["a name twice", tableOf(file, file)],
];

function tableOf(...entries: object[]): string {
  return JSON.stringify({ version: 1, entries });
}

test("parseToc tells where the frame of a file lies", () => {
  const { entries } = parseToc(Buffer.from(tableOf(file)), { dataBytes: 1000 });
  assert.deepEqual(entries[0]?.frames, [{ offset: 10, storedBytes: 20, rawBytes: 9, digest }]);
});

for (const [name, text] of refused) {
  test(`parseToc refuses ${name}`, () => {
    const parse = (): unknown => parseToc(Buffer.from(text), { dataBytes: 1000 });
    assert.throws(parse, (error) => isAshlarError(error, "LAYER_TOC_INVALID"));
  });
}
