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

/** A content that is others one after the other. Those lie in any pack, and none of them is joined itself. */
export interface JoinedContent {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly crc64: string;
  /** Two or more. */
  readonly pieces: readonly Digest[];
}

/** What a pack holds. */
export interface PackTable {
  /** Identity of the compressor that made the frames. */
  readonly compressor: string;
  /** In the order in which they lie in the file. */
  readonly contents: readonly PackedContent[];
  readonly joins: readonly JoinedContent[];
}

/** 1 where a pack has no joins, 2 where it has. */
export type PackVersion = 1 | 2;

interface TableStart {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly crc64: string;
  readonly count: number;
}

/** A table is at most this long: the parser's bound on memory. */
const tableBytesMax = 256 << 20;
const compressorBytesMax = 1024;
const startMagic = Buffer.from("ASHLPACK");
const endMagic = Buffer.from("KCAPLHSA");
const versionMax = 2;
const hint = "run `ashlar store fsck`";

/** The length of a pack's first bytes. */
export const packHeaderBytes = 16;
/** The last bytes: length of the table as u64, sha256 of the table, magic. */
export const packFooterBytes = 48;

/** How many bytes the frames of a content occupy. */
export function storedBytesOf(content: PackedContent): number {
  return content.frames.reduce((sum, frame) => sum + frame.storedBytes, 0);
}

/** How many bytes of a table a content or join takes, at most. */
export function tableBytesOf(content: PackedContent | JoinedContent): number {
  if ("pieces" in content) return 52 + 32 * content.pieces.length;
  return 52 + content.frames.length * (content.frames.length > 1 ? 44 : 12);
}

/** The first bytes of the pack: magic, version as u32, four zeros. (docs/formats/pack.md) */
export function encodePackHeader({ joins }: Pick<PackTable, "joins">): Uint8Array {
  return Buffer.concat([startMagic, Buffer.from([joins.length > 0 ? 2 : 1, 0, 0, 0, 0, 0, 0, 0])]);
}

/** Encodes the table. The order of the contents is kept: it says where each one lies. */
export function encodePackTable({ compressor: name, contents, joins }: PackTable): Uint8Array {
  const compressor = Buffer.from(name, "utf8");
  const sizeBytes = [...contents, ...joins].reduce((sum, content) => sum + tableBytesOf(content), 0);
  const bytes = Buffer.alloc(2 + compressor.length + 4 + sizeBytes + (joins.length > 0 ? 4 : 0));
  bytes.writeUInt16LE(compressor.length, 0);
  compressor.copy(bytes, 2);
  let at = bytes.writeUInt32LE(contents.length, 2 + compressor.length);
  for (const content of contents) at = writeContent(bytes, at, content);
  if (joins.length > 0) at = bytes.writeUInt32LE(joins.length, at);
  for (const join of joins) at = writeJoin(bytes, at, join);
  return bytes;
}

/** What contents and joins begin with: digest, size, CRC-64 and how many parts follow. */
function writeStart(bytes: Buffer, start: number, { digest, sizeBytes, crc64, count }: TableStart): number {
  bytes.set(digestBytes(digest), start);
  let at = bytes.writeUInt32LE(sizeBytes % 2 ** 32, start + 32);
  at = bytes.writeUInt32LE(Math.floor(sizeBytes / 2 ** 32), at);
  at += bytes.write(crc64, at, "hex");
  return bytes.writeUInt32LE(count, at);
}

function writeJoin(bytes: Buffer, start: number, join: JoinedContent): number {
  let at = writeStart(bytes, start, { ...join, count: join.pieces.length });
  for (const piece of join.pieces) {
    bytes.set(digestBytes(piece), at);
    at += 32;
  }
  return at;
}

function writeContent(bytes: Buffer, start: number, content: PackedContent): number {
  let at = writeStart(bytes, start, { ...content, count: content.frames.length });
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
  if (length > BigInt(tableBytesMax) || tableAt < packHeaderBytes) throw damaged("the table's length is impossible");
  return { tableAt, tableBytes: Number(length), digest: digestFromBytes(view.subarray(8, 40)) };
}

/** Reads the first bytes of a pack. Throws `STORE_PACK_DAMAGED`, `STORE_FORMAT_NEWER`. */
export function parsePackHeader(bytes: Uint8Array): PackVersion {
  const view = viewOf(bytes);
  if (view.length !== packHeaderBytes || !view.subarray(0, 8).equals(startMagic)) throw damaged("no pack header");
  const version = view.readUInt32LE(8);
  if (version === 0 || view.readUInt32LE(12) !== 0) throw damaged("the header is not one");
  if (version === 1 || version === 2) return version;
  throw new AshlarError("STORE_FORMAT_NEWER", `Cannot read pack: version ${version}, want at most ${versionMax}`, {
    hint: "use the release of Ashlar that wrote this store, or a newer one",
  });
}

/**
 * Parses the encoded table of a pack of `version` whose frames end at `tableAt`, and proves that it is canonical.
 * Whether the pieces of joins are here, and are no joins, is for the reader of the store. Throws
 * `STORE_PACK_DAMAGED`. Memory and time are linear in the input.
 */
export function parsePackTable(
  bytes: Uint8Array,
  { version, tableAt }: { readonly version: PackVersion; readonly tableAt: number },
): PackTable {
  const reader = new TableReader(viewOf(bytes));
  const compressor = reader.take(reader.u16()).toString("utf8");
  if (compressor.length > compressorBytesMax || !/^[\x21-\x7e]+$/.test(compressor)) throw damaged("compressor");
  const seen = new Set<Digest>();
  const contents: PackedContent[] = [];
  let offset = packHeaderBytes;
  for (let left = reader.u32(); left > 0; left--) {
    const content = parseContent(reader, offset);
    contents.push(fresh(content, seen));
    offset += storedBytesOf(content);
  }
  const joins: JoinedContent[] = [];
  if (version === 2) for (let left = reader.u32(); left > 0; left--) joins.push(fresh(parseJoin(reader), seen));
  if (version === 2) verifyJoins(joins);
  if (!reader.atEnd) throw damaged("the table is longer than its contents");
  if (offset !== tableAt) throw damaged("the frames do not fill the pack");
  return { compressor, contents, joins };
}

function fresh<T extends { readonly digest: Digest }>(content: T, seen: Set<Digest>): T {
  if (seen.has(content.digest)) throw damaged("a content is listed twice");
  seen.add(content.digest);
  return content;
}

/** A chain of joins, let alone a circle, cannot be: none is the piece of another. */
function verifyJoins(joins: readonly JoinedContent[]): void {
  if (joins.length === 0) throw damaged("it has version 2 and no joins");
  const digests = new Set(joins.map(({ digest }) => digest));
  for (const { pieces } of joins) {
    if (pieces.some((piece) => digests.has(piece))) throw damaged("a join of joins");
  }
}

function parseStart(reader: TableReader): TableStart {
  const digest = digestFromBytes(reader.take(32));
  const sizeBytes = reader.u32() + reader.u32() * 2 ** 32;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes === 0) throw damaged("size of a content");
  return { digest, sizeBytes, crc64: reader.take(8).toString("hex"), count: reader.u32() };
}

function parseJoin(reader: TableReader): JoinedContent {
  const { count, ...start } = parseStart(reader);
  if (count < 2) throw damaged("a join of fewer than two pieces");
  const pieces: Digest[] = [];
  for (let i = 0; i < count; i++) pieces.push(digestFromBytes(reader.take(32)));
  // No piece is empty.
  if (start.sizeBytes < count) throw damaged("a join of more pieces than bytes");
  return { ...start, pieces };
}

function parseContent(reader: TableReader, offset: number): PackedContent {
  const { count, ...start } = parseStart(reader);
  if (count === 0) throw damaged("a content without frames");
  const frames: PackedFrame[] = [];
  let rest = start.sizeBytes;
  for (let i = 0; i < count; i++) {
    const frame = parseFrame(reader, count > 1 ? undefined : start.digest);
    frames.push(frame);
    rest -= frame.rawBytes;
  }
  if (rest !== 0) throw damaged("the frames do not add up to the content");
  return { ...start, offset, frames };
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
