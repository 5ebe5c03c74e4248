// SPDX-License-Identifier: Apache-2.0
import { type Digest, wordOf, wordOfHex } from "../base/index.ts";

/** The table is enlarged when more than this part of it is taken. */
const filledShareMax = 0.7;
const slotCountMin = 1024;

/**
 * A set of digests of which only the first 8 bytes are kept, in one array: 11 to 23 bytes a digest where a `Set` of
 * texts takes 150. What was added is always found. What was not is found with the odds of `size / 2^64`: among five
 * million of which none was added, asked of a set of five million, one in 700,000 times one of them is. So it serves
 * where "yes" means to keep something, and never where "yes" means to skip work that something else depends on.
 */
export class DigestSet {
  #size = 0;
  /** Two words a slot; 0, 0 where it is free. */
  #words: Uint32Array;
  #slotMask: number;
  /** The prefix of zeros cannot be told from a free slot. */
  #hasZero = false;

  /** `countExpected`: how many digests there will be, so that the table need not grow. */
  constructor(countExpected = 0) {
    let slots = slotCountMin;
    while (slots * filledShareMax < countExpected) slots *= 2;
    this.#words = new Uint32Array(slots * 2);
    this.#slotMask = slots - 1;
  }

  /** How many were added; those that begin alike count once. */
  get size(): number {
    return this.#size + (this.#hasZero ? 1 : 0);
  }

  /** Returns whether it was not here before. */
  add(digest: Digest): boolean {
    return this.#add(wordAt(digest, 7), wordAt(digest, 15));
  }

  has(digest: Digest): boolean {
    return this.#has(wordAt(digest, 7), wordAt(digest, 15));
  }

  /** The same of a digest's raw bytes. */
  addBytes(bytes: Uint8Array): boolean {
    return this.#add(wordOf(bytes, 0), wordOf(bytes, 4));
  }

  hasBytes(bytes: Uint8Array): boolean {
    return this.#has(wordOf(bytes, 0), wordOf(bytes, 4));
  }

  /** The same of hexadecimal digits among other bytes, the first at a place. */
  addHex(bytes: Uint8Array, at: number): boolean {
    return this.#add(wordOfHex(bytes, at), wordOfHex(bytes, at + 8));
  }

  hasHex(bytes: Uint8Array, at: number): boolean {
    return this.#has(wordOfHex(bytes, at), wordOfHex(bytes, at + 8));
  }

  #add(high: number, low: number): boolean {
    if (high === 0 && low === 0) {
      const isNew = !this.#hasZero;
      this.#hasZero = true;
      return isNew;
    }
    const at = this.#slotOf(high, low);
    if (this.#words[at] !== 0 || this.#words[at + 1] !== 0) return false;
    this.#words[at] = high;
    this.#words[at + 1] = low;
    this.#size++;
    if (this.#size > (this.#slotMask + 1) * filledShareMax) this.#grow();
    return true;
  }

  #has(high: number, low: number): boolean {
    if (high === 0 && low === 0) return this.#hasZero;
    const at = this.#slotOf(high, low);
    return this.#words[at] !== 0 || this.#words[at + 1] !== 0;
  }

  /** Where these words stand, or the free slot where they would. Digests are evenly spread as they are. */
  #slotOf(high: number, low: number): number {
    for (let slot = low & this.#slotMask; ; slot = (slot + 1) & this.#slotMask) {
      const [first, second] = [this.#words[slot * 2], this.#words[slot * 2 + 1]];
      if ((first === high && second === low) || (first === 0 && second === 0)) return slot * 2;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#slotMask = this.#slotMask * 2 + 1;
    this.#words = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const [high, low] = [old[at] as number, old[at + 1] as number];
      if (high === 0 && low === 0) continue;
      const to = this.#slotOf(high, low);
      this.#words[to] = high;
      this.#words[to + 1] = low;
    }
  }
}

/** Eight hexadecimal digits of a text, as an unsigned number of 32 bits. */
function wordAt(digest: Digest, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) {
    const code = digest.charCodeAt(i);
    // "0" is 48, "a" is 97.
    word = (word << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return word >>> 0;
}
