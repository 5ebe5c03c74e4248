// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { digestOf } from "../base/index.ts";
import { GzipWriter } from "./gzip-writer.ts";
import { hasPrograms, run } from "./testing/oracle.ts";

const sample = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i % 1000 < 700 ? i % 7 : (i * i) >>> 7)));

function gzip(bytes: Uint8Array, pieceBytes: number): Buffer {
  const writer = new GzipWriter();
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) out.push(...writer.push(bytes.subarray(at, at + pieceBytes)));
  out.push(...writer.finish());
  return Buffer.concat(out);
}

test("GzipWriter gives the same bytes however the input is cut, with an empty header", () => {
  const whole = gzip(sample, sample.length);
  assert.equal(whole.subarray(0, 10).toString("hex"), "1f8b08000000000000ff");
  for (const size of [1000, 65_535, 65_536, 65_537, 200_000])
    assert.ok(gzip(sample, size).equals(whole), `pieces of ${size}`);
  // Part of the identity of gzip layers: changes only with the pinned pako.
  assert.equal(digestOf(whole), "sha256:70a62545b16c953144c2306030e4118a80d934ba45bab05a97fb9a6c8ad8b13a");
});

test("GzipWriter gives what node:zlib and gzip read", (t) => {
  for (const bytes of [sample, Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(65_536), Buffer.alloc(131_072, "ab")]) {
    const packed = gzip(bytes, 50_000);
    assert.ok(gunzipSync(packed).equals(bytes));
    if (!hasPrograms(t, "gzip")) return;
    assert.ok(run("gzip", ["-dc"], packed).equals(bytes));
  }
});

test("GzipWriter hands out what is ready, and keeps nothing of the pieces given", () => {
  const writer = new GzipWriter();
  const piece = Buffer.from(sample);
  const early = writer.push(piece);
  piece.fill(0);
  const packed = Buffer.concat([...early, ...writer.finish()]);
  assert.ok(gunzipSync(packed).equals(sample));
  assert.ok(early.length > 1);
});
