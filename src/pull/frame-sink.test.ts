// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError, digestOf } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore, type PackWriter } from "../store/index.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { hasCode, sample } from "../store/testing/sample.ts";
import { FrameSink } from "./frame-sink.ts";
import type { SpanFrame, WantedFile } from "./plan-spans.ts";
import { otherCompressor } from "./testing/chunked-image.ts";
import { newStore } from "./testing/pull-rig.ts";

const freshDir = freshDirs();
const blob: WantedFile["blob"] = { mediaType: "a/b", digest: digestOf("blob"), sizeBytes: 1 << 30 };
const pieces = [sample(1, 5_000), sample(2, 4_000)];

/** A file of the two pieces, and one after them that makes it another one. */
function fileOf(number: number): { readonly file: WantedFile; readonly stored: readonly Uint8Array[] } {
  const raw = [...pieces, Buffer.from(`file ${number}`)];
  const stored = raw.map((piece) => otherCompressor.compress(piece));
  const frames = raw.map((piece, i) => {
    return { offset: i, storedBytes: stored[i]?.length ?? 0, rawBytes: piece.length, digest: digestOf(piece) };
  });
  const whole = Buffer.concat(raw);
  return { file: { blob, content: digestOf(whole), sizeBytes: whole.length, frames }, stored };
}

function frameOf(file: WantedFile, index: number): SpanFrame {
  return { file, index, frame: file.frames[index] as SpanFrame["frame"] };
}

for (const compressor of [undefined, "elsewhere"]) {
  const how = compressor === undefined ? "made again" : "as they came";
  const madeBy = () => compressor;
  test(`FrameSink keeps few files open, whatever lies in each other (frames ${how})`, async () => {
    const sink = new FrameSink({ store: await newStore(), madeBy });
    const takeAll = (): void => {
      for (const { file, stored } of Array.from({ length: 40 }, (_, i) => fileOf(i))) {
        sink.take(frameOf(file, 0), stored[0] as Uint8Array);
      }
    };
    assert.throws(takeAll, hasCode("PULL_CONTENT"));
    assert.equal(sink.settle(), false);
  });

  test(`FrameSink takes no content of another size for a piece that is here (frames ${how})`, async () => {
    const store = await newStore();
    const large = store.put(new Uint8Array(9 << 20)).digest;
    const { file, stored } = fileOf(1);
    const [first, ...others] = file.frames;
    const lying = { ...file, frames: [{ ...(first as SpanFrame["frame"]), digest: large }, ...others] };
    const sink = new FrameSink({ store, madeBy });
    store.read = () => assert.fail("nothing is to be read");
    sink.take(frameOf(lying, 1), stored[1] as Uint8Array);
    const last = (): void => sink.take(frameOf(lying, 2), stored[2] as Uint8Array);
    assert.throws(last, hasCode(compressor === undefined ? "PULL_CONTENT" : "STORE_FRAME_INVALID"));
    assert.equal(sink.settle(), true);
  });
}

test("FrameSink ends every pack where one cannot be written, and keeps the others", async () => {
  const store = openStore(freshDir(), { compressor: await loadCompressor() });
  const begin = store.beginPack.bind(store);
  const full = (): never => {
    throw new AshlarError("STORE_DISK_FULL", "Cannot write pack: the disk is full");
  };
  store.beginPack = (): PackWriter => {
    const pack = begin();
    return new Proxy(pack, {
      get: (_, key) => {
        const value: unknown = Reflect.get(pack, key, pack);
        return key === "commit" ? full : typeof value === "function" ? value.bind(pack) : value;
      },
    });
  };
  const small = [7, 8, 9].map((seed) => wholeFile(sample(seed, 300)));
  const names = new Map(small.map(({ file }, i) => [file, [undefined, "elsewhere", "another"][i]]));
  const large = fileOf(1);
  const madeBy = (file: WantedFile): string | undefined => names.get(file);
  const sink = new FrameSink({ store, madeBy });
  for (const { file, stored } of small) sink.take(frameOf(file, 0), stored);
  sink.take(frameOf(large.file, 0), large.stored[0] as Uint8Array);
  assert.throws(() => sink.settle(), hasCode("STORE_DISK_FULL"));
  assert.deepEqual(small.map(({ file }) => store.has(file.content)), [false, true, true]);
  // Who still had a lease would keep it from working.
  store.gc({ waitMs: 0 });
  store.close();
});

function wholeFile(raw: Uint8Array): { readonly file: WantedFile; readonly stored: Uint8Array } {
  const stored = otherCompressor.compress(raw);
  const content = digestOf(raw);
  const frame = { offset: 0, storedBytes: stored.length, rawBytes: raw.length, digest: content };
  return { file: { blob, content, sizeBytes: raw.length, frames: [frame] }, stored };
}
