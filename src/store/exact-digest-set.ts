// SPDX-License-Identifier: Apache-2.0

const filledShareMax = 0.7;
const digestBytes = 32;
const wordsPerDigest = 8;

/**
 * A set of digests, all 32 bytes of each, in one array: a third of what a `Set` of texts takes. For what must not be
 * taken for another, as `DigestSet` may.
 */
export class ExactDigestSet {
  #size = 0;
  #slotMask = 1023;
  /** All zeros where a slot is free. */
  #words = new Uint32Array((this.#slotMask + 1) * wordsPerDigest);

  get size(): number {
    return this.#size;
  }

  /** Adds the digest whose raw bytes begin at a place. Returns whether it was not here before. */
  add(bytes: Uint8Array, at = 0): boolean {
    const words = wordsOf(bytes, at);
    const slot = slotOf(this.#words, this.#slotMask, words);
    if (this.#isTaken(slot)) return false;
    this.#words.set(words, slot);
    this.#size++;
    if (this.#size > (this.#slotMask + 1) * filledShareMax) this.#grow();
    return true;
  }

  has(bytes: Uint8Array, at = 0): boolean {
    return this.#isTaken(slotOf(this.#words, this.#slotMask, wordsOf(bytes, at)));
  }

  #isTaken(slot: number): boolean {
    for (let i = 0; i < wordsPerDigest; i++) if (this.#words[slot + i] !== 0) return true;
    return false;
  }

  #grow(): void {
    const slotMask = this.#slotMask * 2 + 1;
    const words = new Uint32Array((slotMask + 1) * wordsPerDigest);
    for (let at = 0; at < this.#words.length; at += wordsPerDigest) {
      if (!this.#isTaken(at)) continue;
      const digest = this.#words.subarray(at, at + wordsPerDigest);
      words.set(digest, slotOf(words, slotMask, digest));
    }
    this.#words = words;
    this.#slotMask = slotMask;
  }
}

/** Where a digest stands, or the free slot where it would. Digests are evenly spread as they are. */
function slotOf(table: Uint32Array, slotMask: number, words: Uint32Array): number {
  for (let slot = (words[0] as number) & slotMask; ; slot = (slot + 1) & slotMask) {
    const at = slot * wordsPerDigest;
    let isSame = true;
    let isFree = true;
    for (let i = 0; i < wordsPerDigest && (isSame || isFree); i++) {
      if (table[at + i] !== words[i]) isSame = false;
      if (table[at + i] !== 0) isFree = false;
    }
    if (isSame || isFree) return at;
  }
}

const scratch = new Uint8Array(digestBytes);
const scratchWords = new Uint32Array(scratch.buffer);

/** Good until the next call. */
function wordsOf(bytes: Uint8Array, at: number): Uint32Array {
  for (let i = 0; i < digestBytes; i++) scratch[i] = bytes[at + i] as number;
  return scratchWords;
}
