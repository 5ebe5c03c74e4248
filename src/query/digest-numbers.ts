// SPDX-License-Identifier: Apache-2.0

const filledShareMax = 0.7;
const slotCountMin = 1024;
const wordsPerSlot = 3;

/**
 * A number for each of millions of digests, 17 to 34 bytes each. Of a digest its first two words are kept: among n of
 * them two count as one with odds of about n² / 2^65, in five million of one to a million. For figures only.
 */
export class DigestNumbers {
  #size = 0;
  #slotMask: number;
  /** Of each slot the words of the digest and its number; 0 where it is free. */
  #words: Uint32Array;

  /** `countExpected`: how many digests there will be, so that the table need not grow. */
  constructor(countExpected = 0) {
    let slots = slotCountMin;
    while (slots * filledShareMax < countExpected) slots *= 2;
    this.#words = new Uint32Array(slots * wordsPerSlot);
    this.#slotMask = slots - 1;
  }

  /** 0 where it has none. */
  get(high: number, low: number): number {
    return this.#words[this.#slotOf(high, low) + 2] as number;
  }

  /** `number`: 1 to 2^32 - 1. */
  set(high: number, low: number, number: number): void {
    const at = this.#slotOf(high, low);
    const isNew = this.#words[at + 2] === 0;
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#words[at + 2] = number;
    if (isNew && ++this.#size > (this.#slotMask + 1) * filledShareMax) this.#grow();
  }

  /** Where it stands, or the free slot where it would. Digests are evenly spread as they are. */
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
      for (let i = 0; i < wordsPerSlot; i++) this.#words[to + i] = old[at + i] as number;
    }
  }
}
