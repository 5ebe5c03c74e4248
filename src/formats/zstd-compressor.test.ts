// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";

import { digestOf, isAshlarError } from "../base/index.ts";
import { hasPrograms, run } from "./testing/oracle.ts";
import { compressorId, loadCompressor, readPinnedWasm } from "./zstd-compressor.ts";

/** Reproducible noise that compresses a little. */
function noise(size: number, seed: number): Buffer {
  const out = Buffer.alloc(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    out[i] = (state >>> 16) & ((state >>> 8) % 3 === 0 ? 0xff : 0x0f);
  }
  return out;
}

const inputs = [0, 1, 100, 5000, 25_000, 131_072, 131_073, 1 << 20, 5 << 20].map((size, i) => noise(size, i + 1));

test("loadCompressor makes frames of the pinned bytes", async () => {
  const compressor = await loadCompressor();
  const compress = (raw: Uint8Array): Buffer => compressor.compress(raw);
  assert.equal(compressor.id, compressorId());
  assert.match(compressor.id, /^zstd-wasm@0\.0\.27\/6\/[0-9a-f]{64}$/);
  // These digests are part of every layer's identity: they may change only together with the id.
  assert.equal(
    compress(Buffer.from("stones ".repeat(20))).toString("hex"),
    "28b52ffd208c7500003873746f6e65732001000251c508",
  );
  assert.equal(
    digestOf(compress(inputs[4] as Buffer)),
    "sha256:9894d651f2afc5786c37cdadfbd273de5180c49ec17f5c19690c6800e2433e06",
  );
  assert.equal(
    digestOf(compress(inputs[8] as Buffer)),
    "sha256:78b1af9deabd57e49d16dbdf473b26fea5033ee061729d2acff7527894677234",
  );
});

test("compress gives what the package's own one-shot function gives, in any order", async () => {
  const compressor = await loadCompressor();
  const own = createRequire(import.meta.url)("@bokuweb/zstd-wasm") as {
    init(): Promise<void>;
    compress(bytes: Uint8Array, level: number): Uint8Array;
  };
  await own.init();
  const expected = inputs.map((raw) => Buffer.from(own.compress(raw, 6)));
  for (const order of [
    inputs.map((_, i) => i),
    inputs.map((_, i) => inputs.length - 1 - i),
    [8, 0, 8, 1, 4, 4, 7, 2],
  ]) {
    for (const i of order)
      assert.ok(compressor.compress(inputs[i] as Buffer).equals(expected[i] as Buffer), `input ${i}`);
  }
});

test("compress gives a frame with content size that node:zlib and the zstd program read", async (t) => {
  const compressor = await loadCompressor();
  const frames = inputs.map((raw) => compressor.compress(raw));
  frames.forEach((frame, i) => assert.ok(zstdDecompressSync(frame).equals(inputs[i] as Buffer)));
  if (!hasPrograms(t, "zstd")) return;
  assert.ok(run("zstd", ["-dc"], Buffer.concat(frames)).equals(Buffer.concat(inputs)));
});

test("readPinnedWasm refuses other code and none", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "zstd.wasm");
  assert.throws(
    () => readPinnedWasm(path),
    (error) => isAshlarError(error, "FORMATS_COMPRESSOR_MISSING"),
  );
  writeFileSync(path, "other code");
  assert.throws(
    () => readPinnedWasm(path),
    (error) => isAshlarError(error, "FORMATS_COMPRESSOR_MISMATCH"),
  );
});
