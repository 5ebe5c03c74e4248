// SPDX-License-Identifier: Apache-2.0
import { type Expansion, windowBytesMax } from "./expansion.ts";

/** A piece of a zstd frame, cut between blocks. */
export interface FramePiece {
  readonly bytes: Uint8Array;
  readonly last: boolean;
  /** The uncompressed size of the whole frame, where its header says it. */
  readonly contentBytes: number | undefined;
}

const blockBytesMax = 128 * 1024;
/** So many blocks of at most 128 KiB make a piece: it gives at most 2 MiB. */
const pieceBlocks = 16;
const nothing = Buffer.alloc(0);

/**
 * Cuts a stream of zstd frames into pieces that give at most 2 MiB each and never span two frames; skippable
 * frames are dropped. Node's decoder stops after the first frame and says nothing, so telling frames apart is
 * our business. Throws `FORMATS_DECOMPRESS_INVALID`, `_MEMORY`. Source: RFC 8878, 3.1.
 */
export class ZstdSplitter {
  readonly #expansion: Expansion;
  #held: Buffer = nothing;
  #at = 0;
  #pieceStart = 0;
  #pieceBlocks = 0;
  #state: "frame" | "block" | "skip" = "frame";
  #skipLeft = 0;
  #checksum = false;
  #contentBytes: number | undefined;
  #pieces: FramePiece[] = [];
  #empty = true;

  constructor(expansion: Expansion) {
    this.#expansion = expansion;
  }

  /** Takes some bytes; returns the pieces that are complete, parts of `bytes` or of a copy. */
  push(bytes: Uint8Array): readonly FramePiece[] {
    this.#expansion.inBytes += bytes.length;
    this.#held =
      this.#held.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#held, bytes]);
    this.#at = 0;
    this.#pieceStart = 0;
    this.#pieces = [];
    while (this.#step());
    if (this.#state === "block") this.#cut(false);
    this.#held = Buffer.from(this.#held.subarray(this.#at));
    return this.#pieces;
  }

  finish(): void {
    if (this.#empty || this.#state !== "frame" || this.#held.length > 0) throw this.#invalid("the data ends too early");
  }

  /** Takes one unit; tells whether there may be another. */
  #step(): boolean {
    if (this.#state === "block") return this.#block();
    if (this.#state === "skip") return this.#skip();
    return this.#frame();
  }

  #frame(): boolean {
    const left = this.#held.length - this.#at;
    if (left < 8) return false;
    this.#empty = false;
    const magic = this.#held.readUInt32LE(this.#at);
    if (magic >>> 4 === 0x184d2a5) {
      this.#skipLeft = this.#held.readUInt32LE(this.#at + 4);
      this.#at += 8;
      this.#state = "skip";
      return true;
    }
    if (magic !== 0xfd2fb528) throw this.#invalid("not a zstd frame");
    const header = parseFrameHeader(this.#held, this.#at);
    if (header === undefined) return false;
    if (header.reserved) throw this.#invalid("a reserved bit of a frame is set");
    if (header.windowBytes > windowBytesMax) {
      throw this.#expansion.error(
        "MEMORY",
        `its window has ${header.windowBytes} bytes, want at most ${windowBytesMax}`,
      );
    }
    this.#checksum = header.checksum;
    this.#contentBytes = header.contentBytes;
    this.#pieceStart = this.#at;
    this.#pieceBlocks = 0;
    this.#at += header.length;
    this.#state = "block";
    return true;
  }

  #block(): boolean {
    if (this.#held.length - this.#at < 3) return false;
    const header = this.#held.readUIntLE(this.#at, 3);
    const size = header >>> 3;
    const type = (header >>> 1) & 3;
    const last = (header & 1) === 1;
    if (type === 3 || size > blockBytesMax) throw this.#invalid("a block's header is wrong");
    const end = this.#at + 3 + (type === 1 ? 1 : size) + (last && this.#checksum ? 4 : 0);
    if (end > this.#held.length) return false;
    this.#at = end;
    this.#pieceBlocks++;
    if (last) {
      this.#cut(true);
      this.#state = "frame";
    } else if (this.#pieceBlocks === pieceBlocks) this.#cut(false);
    return true;
  }

  #skip(): boolean {
    const length = Math.min(this.#skipLeft, this.#held.length - this.#at);
    this.#at += length;
    this.#skipLeft -= length;
    if (this.#skipLeft > 0) return false;
    this.#state = "frame";
    return true;
  }

  #cut(last: boolean): void {
    const bytes = this.#held.subarray(this.#pieceStart, this.#at);
    if (bytes.length > 0) this.#pieces.push({ bytes, last, contentBytes: this.#contentBytes });
    this.#pieceStart = this.#at;
    this.#pieceBlocks = 0;
  }

  #invalid(fault: string): Error {
    return this.#expansion.error("INVALID", fault);
  }
}

interface FrameHeader {
  readonly length: number;
  readonly windowBytes: number;
  readonly contentBytes: number | undefined;
  readonly checksum: boolean;
  readonly reserved: boolean;
}

/** Undefined where more bytes are needed. */
function parseFrameHeader(held: Buffer, start: number): FrameHeader | undefined {
  const descriptor = held[start + 4] as number;
  const single = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >>> 6] as number;
  const length = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes;
  if (held.length - start < length) return undefined;
  const contentBytes = readContentSize(held, start + length - sizeBytes, sizeBytes);
  const window = held[start + 5] as number;
  const windowBase = 2 ** (10 + (window >>> 3));
  return {
    length,
    // Where there is one segment the content itself is the window.
    windowBytes: single ? (contentBytes ?? 0) : windowBase + (windowBase / 8) * (window & 7),
    contentBytes,
    checksum: (descriptor & 4) !== 0,
    reserved: (descriptor & 8) !== 0,
  };
}

function readContentSize(held: Buffer, at: number, sizeBytes: number): number | undefined {
  if (sizeBytes === 0) return undefined;
  if (sizeBytes === 1) return held[at];
  if (sizeBytes === 2) return held.readUInt16LE(at) + 256;
  if (sizeBytes === 4) return held.readUInt32LE(at);
  return Number(held.readBigUInt64LE(at));
}
