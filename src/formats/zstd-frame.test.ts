// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

import fc from "fast-check";

import { isAshlarError } from "../base/index.ts";
import { hasPrograms, run } from "./testing/oracle.ts";
import { decompressFrame, plainFrame, skippableFrame } from "./zstd-frame.ts";

const kib = 1024;
/** Runs around the least length, at both ends and in the middle, and sizes around every limit of the format. */
const awkward = [
  ...[0, 1, 7, 8, 9, 255, 256, 257, 65_791, 65_792, 128 * kib - 1, 128 * kib, 128 * kib + 1, 300 * kib].map((size) =>
    Buffer.alloc(size, 7),
  ),
  ...[1, 255, 256, 512, 65_791, 65_792, 128 * kib + 1, 300 * kib].map((size) => randomBytes(size)),
  Buffer.concat([Buffer.alloc(8), Buffer.from("x"), Buffer.alloc(7), Buffer.from("y"), Buffer.alloc(8)]),
  Buffer.concat([Buffer.from("x"), Buffer.alloc(8, 1), Buffer.alloc(8, 2), Buffer.from("y")]),
  Buffer.concat([randomBytes(128 * kib), Buffer.alloc(20), randomBytes(5)]),
];

test("plainFrame gives frames that node:zlib and the zstd program read", (t) => {
  for (const raw of awkward) {
    assert.ok(zstdDecompressSync(plainFrame(raw)).equals(raw), `${raw.length} bytes`);
    assert.ok(decompressFrame(plainFrame(raw), raw.length).equals(raw));
  }
  if (!hasPrograms(t, "zstd")) return;
  const all = run("zstd", ["-dc"], Buffer.concat(awkward.flatMap((raw) => [plainFrame(raw), skippableFrame(raw)])));
  assert.ok(all.equals(Buffer.concat(awkward)));
});

test("plainFrame holds any bytes", () => {
  const run = fc
    .tuple(fc.nat({ max: 255 }), fc.integer({ min: 1, max: 40 }))
    .map(([byte, length]) => Buffer.alloc(length, byte));
  fc.assert(
    fc.property(fc.array(run, { maxLength: 40 }), (runs) => {
      const raw = Buffer.concat(runs);
      assert.ok(zstdDecompressSync(plainFrame(raw)).equals(raw));
    }),
    { numRuns: 300 },
  );
});

test("plainFrame writes the bytes the format page promises", () => {
  const raw = Buffer.concat([Buffer.from("ab"), Buffer.alloc(8), Buffer.from("c")]);
  // Magic, single segment of 11 bytes, raw block "ab", run of 8 zeros, last raw block "c".
  assert.equal(plainFrame(raw).toString("hex"), "28b52ffd200b" + "100000" + "6162" + "420000" + "00" + "090000" + "63");
  assert.equal(plainFrame(Buffer.alloc(0)).toString("hex"), "28b52ffd2000" + "010000");
  assert.equal(plainFrame(Buffer.alloc(8, 5)).toString("hex"), "28b52ffd2008" + "430000" + "05");
});

test("plainFrame gives a result of its own each time", () => {
  const first = plainFrame(Buffer.from("first"));
  const copy = Buffer.from(first);
  plainFrame(Buffer.from("other"));
  assert.deepEqual(first, copy);
});

test("skippableFrame holds its payload behind eight bytes", () => {
  assert.equal(skippableFrame(Buffer.from("abc")).toString("hex"), "502a4d1803000000616263");
});

test("decompressFrame refuses another size, damage and no frame at all", () => {
  const frame = zstdCompressSync(Buffer.from("stones"));
  assert.equal(decompressFrame(frame, 6).toString(), "stones");
  const wrong: [Uint8Array, number][] = [
    [frame, 5],
    [frame, 7],
    [frame, 0],
    [frame, 2 ** 40],
    [frame.subarray(0, -1), 6],
    [Buffer.from("stones"), 6],
    [Buffer.alloc(0), 1],
    [zstdCompressSync(Buffer.alloc(50 << 20)), 100],
  ];
  for (const [bytes, size] of wrong) {
    assert.throws(
      () => decompressFrame(bytes, size),
      (error) => isAshlarError(error, "FORMATS_ZSTD_INVALID"),
      `${size}`,
    );
  }
});
