// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { type Expansion, windowBytesMax } from "./expansion.ts";
import { type Hop, Hopper } from "./hopper.ts";

/**
 * Reads the structure of an .xz stream without decompressing it, so that nothing is decompressed whose result
 * would be too large or whose dictionary would take too much memory. LZMA2 chunks say how many bytes they
 * give; the sum is known as the input comes in.
 *
 * One stream, LZMA2 without further filters, dictionary of at most 128 MiB: what dpkg and Debian's archive
 * write. Throws `FORMATS_DECOMPRESS_INVALID`, `_UNSUPPORTED`, `_MEMORY`, `_LIMIT`.
 * Source: The .xz File Format 1.2.0; LZMA2 as in xz-embedded's documentation.
 */
export class XzScanner {
  readonly #expansion: Expansion;
  readonly #hopper: Hopper;

  constructor(expansion: Expansion) {
    this.#expansion = expansion;
    this.#hopper = new Hopper(this.#stream());
  }

  push(bytes: Uint8Array): void {
    this.#expansion.inBytes += bytes.length;
    if (this.#hopper.push(bytes) < bytes.length) throw this.#invalid("bytes follow the end of the stream");
  }

  finish(): void {
    if (!this.#hopper.done) throw this.#invalid("the data ends too early");
  }

  *#stream(): Hop {
    const header = yield 12;
    if (Buffer.from(header.subarray(0, 6)).toString("latin1") !== "\xfd7zXZ\0") throw this.#invalid("not an xz stream");
    if (header[6] !== 0 || (header[7] as number) > 15) throw this.#unsupported("unknown stream flags");
    if (crc32(header.subarray(6, 8)) !== uint32(header, 8)) throw this.#invalid("wrong check sum of the stream header");
    const checkBytes = checkSizes[header[7] as number] as number;
    let blocks = 0;
    for (;;) {
      const size = (yield 1)[0] as number;
      if (size === 0) break;
      yield* this.#block(size, checkBytes);
      blocks++;
    }
    yield* this.#index(blocks);
    const footer = yield 12;
    if (footer[10] !== 0x59 || footer[11] !== 0x5a) throw this.#invalid("the stream has no footer");
  }

  *#block(size: number, checkBytes: number): Hop {
    this.#checkBlockHeader(size, yield size * 4 + 3);
    const start = this.#hopper.offset;
    for (;;) {
      const control = (yield 1)[0] as number;
      if (control === 0) break;
      if (control >= 3 && control < 0x80) throw this.#invalid("unknown LZMA2 chunk");
      yield* this.#chunk(control);
    }
    const length = this.#hopper.offset - start;
    yield -((4 - (length % 4)) % 4) - checkBytes;
  }

  *#chunk(control: number): Hop {
    if (control < 0x80) {
      const size = uint16(yield 2, 0) + 1;
      this.#announce(size);
      yield -size;
      return;
    }
    const sizes = yield 4;
    this.#announce(((control & 0x1f) << 16) + uint16(sizes, 0) + 1);
    yield -(uint16(sizes, 2) + 1 + (control >= 0xc0 ? 1 : 0));
  }

  #announce(bytes: number): void {
    this.#expansion.addOut(bytes);
  }

  /** `rest` is the header behind its first byte, check sum included. */
  #checkBlockHeader(size: number, rest: Uint8Array): void {
    const sum = crc32(rest.subarray(0, rest.length - 4), crc32(Uint8Array.of(size)));
    if (sum !== uint32(rest, rest.length - 4)) throw this.#invalid("wrong check sum of a block header");
    const flags = rest[0] as number;
    if ((flags & 0x3c) !== 0) throw this.#unsupported("unknown block flags");
    let at = 1;
    for (const bit of [0x40, 0x80]) if ((flags & bit) !== 0) at = skipVariable(rest, at);
    if ((flags & 3) !== 0 || rest[at] !== 0x21 || rest[at + 1] !== 1) {
      throw this.#unsupported("a filter other than LZMA2");
    }
    this.#checkDictionary(rest[at + 2] as number);
  }

  #checkDictionary(bits: number): void {
    if (bits > 40) throw this.#invalid("unknown dictionary size");
    const size = bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
    if (size <= windowBytesMax) return;
    throw this.#expansion.error("MEMORY", `its dictionary has ${size} bytes, want at most ${windowBytesMax}`);
  }

  *#index(blocks: number): Hop {
    const start = this.#hopper.offset - 1;
    const count = yield* this.#variable();
    if (count !== blocks) throw this.#invalid(`the index counts ${count} blocks, want ${blocks}`);
    for (let i = 0; i < 2 * count; i++) yield* this.#variable();
    const length = this.#hopper.offset - start;
    yield -((4 - (length % 4)) % 4) - 4;
  }

  *#variable(): Generator<number, number, Uint8Array> {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const byte = (yield 1)[0] as number;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw this.#invalid("a number is too long");
  }

  #invalid(fault: string): Error {
    return this.#expansion.error("INVALID", fault);
  }

  #unsupported(fault: string): Error {
    return this.#expansion.error("UNSUPPORTED", `${fault}, which is not supported`);
  }
}

const checkSizes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

function skipVariable(bytes: Uint8Array, start: number): number {
  let at = start;
  while ((bytes[at] ?? 0) >= 0x80) at++;
  return at + 1;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}
