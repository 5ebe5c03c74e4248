// SPDX-License-Identifier: Apache-2.0
import type { Cutter } from "./fast-cdc.ts";

const windowBytes = 64;
const charOffset = 31;

/**
 * Cuts as bup and c/storage do: where the low bits of a rolling checksum of the last 64 bytes are all ones. There is
 * no least and no greatest size. (The runs of zeros that c/storage takes out as holes stay in the pieces: compressed
 * they are next to nothing.)
 */
export function rollsum(meanBits: number): Cutter {
  const mask = 2 ** meanBits - 1;
  return function* cut(bytes) {
    const window = new Uint8Array(windowBytes);
    let [s1, s2] = [windowBytes * charOffset, windowBytes * (windowBytes - 1) * charOffset];
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      const drop = window[at % windowBytes] as number;
      const add = bytes[at] as number;
      window[at % windowBytes] = add;
      s1 = (s1 + add - drop) | 0;
      s2 = (s2 + s1 - windowBytes * (drop + charOffset)) | 0;
      if ((s2 & mask) === mask) yield (end = at + 1);
    }
    if (end < bytes.length) yield bytes.length;
  };
}
