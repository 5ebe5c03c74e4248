// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";

const filledShareMax = 0.7;
const wordsPerSlot = 3;

/**
 * A number for each of millions of digests, 17 to 34 bytes each. Of a digest the first 8 bytes are kept: among n of
 * them two count as one with odds of about n²/2^65, in five million of 1 to 1.5 million; for figures only.
 */
export class DigestNumbers {
  #size = 0;
  #slotMask = 1023;
  /** Of each slot two words of the digest, and the number plus 1; 0 where it is free. */
  #words = new Uint32Array((this.#slotMask + 1) * wordsPerSlot);

  get(digest: Digest): number | undefined {
    const number = this.#words[this.#slotOf(wordAt(digest, 7), wordAt(digest, 15)) + 2] as number;
    return number === 0 ? undefined : number - 1;
  }

  /** `number`: 0 to 2^32 - 2. */
  set(digest: Digest, number: number): void {
    const [high, low] = [wordAt(digest, 7), wordAt(digest, 15)];
    const at = this.#slotOf(high, low);
    const isNew = this.#words[at + 2] === 0;
    this.#words.set([high, low, number + 1], at);
    if (isNew && ++this.#size > (this.#slotMask + 1) * filledShareMax) this.#grow();
  }

  #slotOf(high: number, low: number): number {
    const words = this.#words;
    for (let slot = low & this.#slotMask; ; slot = (slot + 1) & this.#slotMask) {
      const at = slot * wordsPerSlot;
      if (words[at + 2] === 0 || (words[at] === high && words[at + 1] === low)) return at;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#slotMask = this.#slotMask * 2 + 1;
    this.#words = new Uint32Array((this.#slotMask + 1) * wordsPerSlot);
    for (let at = 0; at < old.length; at += wordsPerSlot) {
      if (old[at + 2] === 0) continue;
      const to = this.#slotOf(old[at] as number, old[at + 1] as number);
      this.#words.set(old.subarray(at, at + wordsPerSlot), to);
    }
  }
}

/** Eight hexadecimal digits as a number. */
function wordAt(digest: Digest, at: number): number {
  return Number.parseInt(digest.slice(at, at + 8), 16);
}
