// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { Deflate } from "pako";

/** Bytes that go into the compressor at once, so that its output cannot depend on how the caller cuts them. */
const pieceBytes = 64 * 1024;

/**
 * Deterministic gzip: level 6 of the pinned pako; no name, MTIME 0, FLG 0, OS 255 (RFC 1952). The output is a
 * pure function of the bytes pushed, however they are cut.
 */
export class GzipWriter {
  readonly #deflate = new Deflate({ level: 6, raw: true, chunkSize: pieceBytes });
  readonly #piece = new Uint8Array(pieceBytes);
  #fill = 0;
  #out: Uint8Array[] = [Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)];
  #crc = 0;
  #sizeBytes = 0;

  constructor() {
    this.#deflate.onData = (chunk) => void this.#out.push(chunk as Uint8Array);
  }

  /** Takes some bytes; returns what is finished of the result. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#crc = crc32(bytes, this.#crc);
    this.#sizeBytes += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(pieceBytes - this.#fill, bytes.length - at);
      this.#piece.set(bytes.subarray(at, at + length), this.#fill);
      this.#fill += length;
      at += length;
      if (this.#fill === pieceBytes) this.#flush(false);
    }
    return this.#take();
  }

  /** Ends the member; returns the rest of the result. */
  finish(): Uint8Array[] {
    this.#flush(true);
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#sizeBytes % 2 ** 32, 4);
    this.#out.push(trailer);
    return this.#take();
  }

  #flush(last: boolean): void {
    if (!this.#deflate.push(this.#piece.subarray(0, this.#fill), last)) {
      throw new Error(`internal error: deflate failed with code ${this.#deflate.err}`);
    }
    this.#fill = 0;
  }

  #take(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}
