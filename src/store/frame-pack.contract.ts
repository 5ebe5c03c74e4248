// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";

import { digestOf, limits } from "../base/index.ts";
import { skippableFrame } from "../formats/index.ts";
import type { Store } from "./store.ts";
import { hasCode, sample } from "./testing/sample.ts";

const elsewhere = "zstd-of-somebody/9";

function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 9 } });
}

/** What every store must do with frames that come from elsewhere. */
export function framePackContract(name: string, make: () => Store | Promise<Store>): void {
  const title = (text: string): string => `${name}: ${text}`;

  test(title("frames made elsewhere are kept as they came, under their compressor's name"), async () => {
    const store = await make();
    const halves = [sample(1, 70_000), sample(2, 5)];
    const whole = Buffer.concat(halves);
    const frames = halves.map(compress);
    const pack = store.beginFramePack(elsewhere);
    const writer = pack.open();
    halves.forEach((half, i) => writer.write(frames[i] as Uint8Array, half.length));
    const info = writer.end(digestOf(whole));
    pack.commit();
    assert.equal(info.compressor, elsewhere);
    assert.deepEqual(store.info(digestOf(whole)), info);
    assert.deepEqual(Buffer.from(store.readFrames(digestOf(whole))), Buffer.concat(frames));
    assert.deepEqual(Buffer.from(store.read(digestOf(whole))), whole);
    assert.equal(info.crc64, store.put(Buffer.from([...whole])).crc64);
    store.close();
  });

  test(title("a content that is here already is not stored again in other frames"), async () => {
    const store = await make();
    const bytes = sample(3, 9_000);
    const before = store.put(bytes);
    const pack = store.beginFramePack(elsewhere);
    const writer = pack.open();
    writer.write(compress(bytes), bytes.length);
    assert.deepEqual(writer.end(digestOf(bytes)), before);
    pack.commit();
    assert.equal(store.stats().packs, 1);
    store.close();
  });

  test(title("frames that are not what they should be are refused, and the pack goes on"), async () => {
    const store = await make();
    const bytes = sample(4, 4_000);
    const frame = compress(bytes);
    const pack = store.beginFramePack(elsewhere);
    const refuse = (stored: Uint8Array, rawBytes: number): void => {
      const writer = pack.open();
      assert.throws(() => writer.write(stored, rawBytes), hasCode("STORE_FRAME_INVALID"));
      writer.abort();
    };
    refuse(frame, bytes.length - 1);
    refuse(frame, bytes.length + 1);
    refuse(frame, 0);
    refuse(frame, limits.frameBytesMax + 1);
    refuse(frame.subarray(0, -1), bytes.length);
    refuse(Buffer.concat([frame, frame]), 2 * bytes.length);
    refuse(Buffer.concat([frame, skippableFrame(Buffer.from("x"))]), bytes.length);
    refuse(Buffer.concat([frame, Buffer.from("junk")]), bytes.length);
    refuse(bytes, bytes.length);
    const wrong = pack.open();
    wrong.write(frame, bytes.length);
    assert.throws(() => wrong.end(digestOf("other")), hasCode("STORE_FRAME_INVALID"));
    const right = pack.open();
    right.write(frame, bytes.length);
    right.end(digestOf(bytes));
    pack.commit();
    assert.deepEqual(Buffer.from(store.read(digestOf(bytes))), bytes);
    assert.equal(store.stats().contents, 1);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
    store.close();
  });
}
