// SPDX-License-Identifier: Apache-2.0

/** What a scanner asks for: a positive count of bytes to be given, or a negative count to be passed over. */
export type Hop = Generator<number, void, Uint8Array>;

const nothing = new Uint8Array(0);

/**
 * Drives a scanner, written as a generator, over input that comes in pieces of any size. The scanner looks at
 * the few bytes of structure it asks for and hops over the rest.
 */
export class Hopper {
  readonly #scanner: Hop;
  #wanted: number;
  #held = nothing;
  #fill = 0;
  /** Input seen before the piece at hand. */
  #before = 0;
  #at = 0;
  done = false;

  constructor(scanner: Hop) {
    this.#scanner = scanner;
    this.#wanted = this.#resume(nothing);
  }

  /** Input offset of what the scanner asks for next. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /** Takes a piece; returns how much of it the scanner wanted: all of it, unless the scanner is done. */
  push(bytes: Uint8Array): number {
    this.#at = 0;
    while (!this.done && this.#at < bytes.length) {
      if (this.#wanted < 0) this.#skip(bytes);
      else this.#read(bytes);
    }
    const taken = this.#at;
    this.#before += taken;
    this.#at = 0;
    return taken;
  }

  #skip(bytes: Uint8Array): void {
    const length = Math.min(-this.#wanted, bytes.length - this.#at);
    this.#at += length;
    this.#wanted += length;
    if (this.#wanted === 0) this.#wanted = this.#resume(nothing);
  }

  #read(bytes: Uint8Array): void {
    const wanted = this.#wanted;
    if (this.#fill === 0 && this.#at + wanted <= bytes.length) {
      const part = bytes.subarray(this.#at, this.#at + wanted);
      this.#at += wanted;
      this.#wanted = this.#resume(part);
      return;
    }
    if (this.#held.length < wanted) this.#held = grown(this.#held, this.#fill, wanted);
    const length = Math.min(wanted - this.#fill, bytes.length - this.#at);
    this.#held.set(bytes.subarray(this.#at, this.#at + length), this.#fill);
    this.#fill += length;
    this.#at += length;
    if (this.#fill < wanted) return;
    this.#fill = 0;
    this.#wanted = this.#resume(this.#held.slice(0, wanted));
  }

  #resume(bytes: Uint8Array): number {
    for (;;) {
      const { done, value } = this.#scanner.next(bytes);
      if (done === true) {
        this.done = true;
        return 0;
      }
      if (value !== 0) return value;
    }
  }
}

function grown(held: Uint8Array, fill: number, size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size);
  out.set(held.subarray(0, fill));
  return out;
}
