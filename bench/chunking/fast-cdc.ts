// SPDX-License-Identifier: Apache-2.0
import { digestBytes, digestOf } from "../../src/base/index.ts";

/** Yields where the pieces of a content end; the last end is the content's. */
export type Cutter = (bytes: Uint8Array) => Iterable<number>;

/**
 * Cuts where a hash of the last bytes says so, into pieces of `2 ** meanBits` bytes on average, at least a quarter and
 * at most four times as many. (Xia et al., "FastCDC", USENIX ATC 2016: gear hash, no cut looked for below
 * the least size, a stricter mask before the mean and a laxer one behind it)
 */
export function fastCdc(meanBits: number): Cutter {
  const mean = 2 ** meanBits;
  const strict = highBits(meanBits + 2);
  const lax = highBits(meanBits - 2);
  return function* cut(bytes) {
    for (let start = 0; start < bytes.length; ) {
      const left = bytes.length - start;
      const end = start + Math.min(left, mean * 4);
      const turn = Math.min(end, start + mean);
      let at = start + Math.min(left, mean / 4);
      let hash = 0;
      let isCut = false;
      while (at < turn && !isCut) {
        hash = ((hash << 1) + (gear[bytes[at++] as number] as number)) | 0;
        isCut = (hash & strict) === 0;
      }
      while (at < end && !isCut) {
        hash = ((hash << 1) + (gear[bytes[at++] as number] as number)) | 0;
        isCut = (hash & lax) === 0;
      }
      yield at;
      start = at;
    }
  };
}

/** A hash is shifted left at each byte: its high bits know of the most bytes, 32 at most. */
function highBits(count: number): number {
  return ~0 << (32 - count);
}

/** A random number for each byte, always the same ones. */
const gear = Int32Array.from({ length: 256 }, (_, byte) =>
  Buffer.from(digestBytes(digestOf(`ashlar gear ${byte}`))).readInt32LE(0),
);
