// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestBytes, digestFromBytes, digestOf, limits } from "../base/index.ts";
import type { FrameInfo } from "./store.ts";

/** A frame as a pack's table lists it. */
export interface PackedFrame extends FrameInfo {
  /** CRC-32 of the frame as stored, so that a flipped bit is seen without decompressing. */
  readonly crc32: number;
}

/** A content as a pack's table lists it; its frames lie back to back from `offset`. */
export interface PackedContent {
  readonly digest: Digest;
  /** Never 0: the empty content needs no pack. */
  readonly sizeBytes: number;
  readonly crc64: string;
  readonly offset: number;
  readonly frames: readonly PackedFrame[];
}

/** What a pack holds, in the order in which it lies in the file. */
export interface PackTable {
  /** Identity of the compressor that made the frames. */
  readonly compressor: string;
  readonly contents: readonly PackedContent[];
}

/** A table is at most this long: the parser's bound on memory. */
const tableBytesMax = 256 << 20;
const compressorBytesMax = 1024;
const startMagic = Buffer.from("ASHLPACK");
const endMagic = Buffer.from("KCAPLHSA");
const version = 1;
const hint = "run `ashlar store fsck`";

/** The first bytes of every pack: magic, version as u32, four zeros. (docs/formats/pack.md) */
export const packHeader: Uint8Array = Buffer.concat([startMagic, Buffer.from([version, 0, 0, 0, 0, 0, 0, 0])]);
/** The last bytes: length of the table as u64, sha256 of the table, magic. */
export const packFooterBytes = 48;

/** How many bytes the frames of a content occupy. */
export function storedBytesOf(content: PackedContent): number {
  return content.frames.reduce((sum, frame) => sum + frame.storedBytes, 0);
}

/** Encodes the table. The order of the contents is kept: it says where each one lies. */
export function encodePackTable(table: PackTable): Uint8Array {
  const compressor = Buffer.from(table.compressor, "utf8");
  const sizes = table.contents.map((content) => 52 + content.frames.length * (content.frames.length > 1 ? 44 : 12));
  const bytes = Buffer.alloc(2 + compressor.length + 4 + sizes.reduce((a, b) => a + b, 0));
  bytes.writeUInt16LE(compressor.length, 0);
  compressor.copy(bytes, 2);
  let at = bytes.writeUInt32LE(table.contents.length, 2 + compressor.length);
  for (const content of table.contents) at = writeContent(bytes, at, content);
  return bytes;
}

function writeContent(bytes: Buffer, start: number, content: PackedContent): number {
  bytes.set(digestBytes(content.digest), start);
  let at = bytes.writeUInt32LE(content.sizeBytes % 2 ** 32, start + 32);
  at = bytes.writeUInt32LE(Math.floor(content.sizeBytes / 2 ** 32), at);
  at += bytes.write(content.crc64, at, "hex");
  at = bytes.writeUInt32LE(content.frames.length, at);
  for (const frame of content.frames) {
    if (content.frames.length > 1) {
      bytes.set(digestBytes(frame.digest), at);
      at += 32;
    }
    at = bytes.writeUInt32LE(frame.rawBytes, at);
    at = bytes.writeUInt32LE(frame.storedBytes, at);
    at = bytes.writeUInt32LE(frame.crc32, at);
  }
  return at;
}

/** The footer for an encoded table. The name of a pack is the sha256 that stands in it. */
export function encodePackFooter(table: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(packFooterBytes);
  bytes.writeBigUInt64LE(BigInt(table.length), 0);
  bytes.set(digestBytes(digestOf(table)), 8);
  endMagic.copy(bytes, 40);
  return bytes;
}

/** Reads a footer: where the table must lie in a file of `sizeBytes`. Throws `STORE_PACK_DAMAGED`. */
export function parsePackFooter(
  bytes: Uint8Array,
  sizeBytes: number,
): { readonly tableAt: number; readonly tableBytes: number; readonly digest: Digest } {
  const view = viewOf(bytes);
  if (bytes.length !== packFooterBytes || !view.subarray(40).equals(endMagic)) throw damaged("the footer is not one");
  const length = view.readBigUInt64LE(0);
  const tableAt = sizeBytes - packFooterBytes - Number(length);
  if (length > BigInt(tableBytesMax) || tableAt < packHeader.length) throw damaged("the table's length is impossible");
  return { tableAt, tableBytes: Number(length), digest: digestFromBytes(view.subarray(8, 40)) };
}

/** Proves that a pack starts as one. Throws `STORE_PACK_DAMAGED`, `STORE_FORMAT_NEWER`. */
export function verifyPackHeader(bytes: Uint8Array): void {
  const view = viewOf(bytes);
  if (view.equals(packHeader)) return;
  if (view.length !== packHeader.length || !view.subarray(0, 8).equals(startMagic)) throw damaged("no pack header");
  const found = view.readUInt32LE(8);
  if (found <= version || view.readUInt32LE(12) !== 0) throw damaged("the header is not one");
  throw new AshlarError("STORE_FORMAT_NEWER", `Cannot read pack: version ${found}, want at most ${version}`, {
    hint: "use the release of Ashlar that wrote this store, or a newer one",
  });
}

/**
 * Parses an encoded table whose frames end at `tableAt`, and proves that it is canonical. Throws
 * `STORE_PACK_DAMAGED`. Memory and time are linear in the input.
 */
export function parsePackTable(bytes: Uint8Array, tableAt: number): PackTable {
  const reader = new TableReader(viewOf(bytes));
  const compressor = reader.take(reader.u16()).toString("utf8");
  if (compressor.length > compressorBytesMax || !/^[\x21-\x7e]+$/.test(compressor)) throw damaged("compressor");
  const count = reader.u32();
  const contents: PackedContent[] = [];
  const seen = new Set<Digest>();
  let offset = packHeader.length;
  for (let i = 0; i < count; i++) {
    const content = parseContent(reader, offset);
    if (seen.has(content.digest)) throw damaged("a content is listed twice");
    seen.add(content.digest);
    contents.push(content);
    offset += storedBytesOf(content);
  }
  if (!reader.atEnd) throw damaged("the table is longer than its contents");
  if (offset !== tableAt) throw damaged("the frames do not fill the pack");
  return { compressor, contents };
}

function parseContent(reader: TableReader, offset: number): PackedContent {
  const digest = digestFromBytes(reader.take(32));
  const sizeBytes = reader.u32() + reader.u32() * 2 ** 32;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes === 0) throw damaged("size of a content");
  const crc64 = reader.take(8).toString("hex");
  const count = reader.u32();
  if (count === 0) throw damaged("a content without frames");
  const frames: PackedFrame[] = [];
  let rest = sizeBytes;
  for (let i = 0; i < count; i++) {
    const frame = parseFrame(reader, count > 1 ? undefined : digest);
    frames.push(frame);
    rest -= frame.rawBytes;
  }
  if (rest !== 0) throw damaged("the frames do not add up to the content");
  return { digest, sizeBytes, crc64, offset, frames };
}

function parseFrame(reader: TableReader, content: Digest | undefined): PackedFrame {
  const digest = content ?? digestFromBytes(reader.take(32));
  const rawBytes = reader.u32();
  const storedBytes = reader.u32();
  if (rawBytes === 0 || rawBytes > limits.frameBytesMax) throw damaged("size of a frame");
  // A frame that does not shrink holds the bytes as they are, and few bytes of headers.
  if (storedBytes === 0 || storedBytes > rawBytes + (rawBytes >> 7) + 1024) throw damaged("stored size of a frame");
  return { digest, rawBytes, storedBytes, crc32: reader.u32() };
}

/** Reads numbers off a table and refuses to go past its end. */
class TableReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw damaged("the table ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u16(): number {
    return this.take(2).readUInt16LE(0);
  }

  u32(): number {
    return this.take(4).readUInt32LE(0);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What every fault of a pack's structure is; the caller adds which file. */
function damaged(fault: string): AshlarError {
  return new AshlarError("STORE_PACK_DAMAGED", `Cannot read pack: ${fault}`, { hint });
}
