// SPDX-License-Identifier: Apache-2.0

/** Takes a stream of bytes apart into pieces of wanted sizes. */
export class Chunks {
  readonly #source: AsyncIterator<Uint8Array>;
  #buffer = Buffer.alloc(0);
  #rest: Uint8Array = new Uint8Array(0);
  #atEnd = false;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#source = bytes[Symbol.asyncIterator]();
  }

  /**
   * The next `sizeBytes` bytes, good until the next call; fewer at the end of the stream, none behind it. Throws
   * what the source throws.
   */
  async next(sizeBytes: number): Promise<Buffer> {
    if (this.#buffer.length < sizeBytes) this.#buffer = Buffer.allocUnsafeSlow(sizeBytes);
    const chunk = this.#buffer;
    let fill = 0;
    while (fill < sizeBytes && (await this.#hasMore())) {
      const piece = this.#rest.subarray(0, sizeBytes - fill);
      chunk.set(piece, fill);
      fill += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return chunk.subarray(0, fill);
  }

  async #hasMore(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#atEnd) {
      const { done, value } = await this.#source.next();
      if (done === true) this.#atEnd = true;
      else this.#rest = value;
    }
    return this.#rest.length > 0;
  }

  /** Everything that is left, in the pieces of the source. */
  async *remaining(): AsyncGenerator<Uint8Array> {
    while (await this.#hasMore()) {
      const piece = this.#rest;
      this.#rest = new Uint8Array(0);
      yield piece;
    }
  }

  /** Ends the source before its end. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
