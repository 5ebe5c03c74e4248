// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, parsePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { joinTimes, splitTimes } from "./entry-times.ts";

const meta = { mode: 0o644, uid: 0, gid: 0 };
const tree = makeTree(
  [5, 5, -1, 0, 0, 0, 1_800_000_000].map((mtimeSeconds, i): Entry => {
    return { ...meta, type: "file", path: parsePath(`f${i}`), sizeBytes: 1, content: digestOf("x"), mtimeSeconds };
  }),
);

test("joinTimes puts back what splitTimes took out", () => {
  const { timeless, times } = splitTimes(tree);
  assert.equal(Buffer.from(times).toString(), "2 5\n1 -1\n3 0\n1 1800000000\n");
  assert.ok(timeless.every(({ mtimeSeconds }) => mtimeSeconds === 0));
  assert.deepEqual(joinTimes({ timeless, times }), tree);
  assert.deepEqual(joinTimes(splitTimes([])), []);
});

test("joinTimes refuses times that are not those of as many entries", () => {
  const { timeless } = splitTimes(tree);
  for (const text of ["", "7 0", "6 0\n", "8 0\n", "9999999 0\n", "0 1\n7 0\n", "7 1e3\n", "7\n", "7 0\n\n", "x"]) {
    assert.throws(() => joinTimes({ timeless, times: Buffer.from(text) }), { code: "MIRROR_TIMES" }, text);
  }
});
