// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestBytes, digestFromBytes } from "../base/index.ts";
import { type JoinedContent, type PackedContent, type PackedFrame, storedBytesOf } from "./pack-format.ts";
import { damagedRow, isRowSound, sumOfRow } from "./row-sum.ts";
import type { SqlRow, SqlValue } from "./sql-statements.ts";

/** The columns of a content, in the order of the table; the last is the sum of the others. */
export const contentColumns = "number, digest, size, crc64, offset, stored, crc32, frames, pieces, sum";
type Columns = [number, Uint8Array, number, Uint8Array, number, number, number, Uint8Array | null, Uint8Array | null];

/** The row of a content. */
export function contentRow(content: PackedContent, number: number): SqlValue[] {
  const { digest, sizeBytes, crc64, offset, frames } = content;
  const single = frames.length === 1 ? frames[0] : undefined;
  const rest = single === undefined ? encodeFrames(frames) : null;
  const stored = storedBytesOf(content);
  // As a signed number it takes 4 bytes, else half of them 6.
  const crc32 = (single?.crc32 ?? 0) | 0;
  const crc = Buffer.from(crc64, "hex");
  return withSum([number, digestBytes(digest), sizeBytes, crc, offset, stored, crc32, rest, null]);
}

export function joinRow({ digest, sizeBytes, crc64, pieces }: JoinedContent, number: number): SqlValue[] {
  const list = Buffer.concat(pieces.map((piece) => digestBytes(piece)));
  return withSum([number, digestBytes(digest), sizeBytes, Buffer.from(crc64, "hex"), 0, 0, 0, null, list]);
}

function withSum(values: SqlValue[]): SqlValue[] {
  return [...values, sumOfRow(values)];
}

/** What a row says. Throws `STORE_INDEX_DAMAGED` where that is not what was written. */
export function parseRow(row: SqlRow): PackedContent | JoinedContent {
  if (!isRowSound(row)) throw damagedRow(shownName(row[1]));
  const [, digestColumn, sizeBytes, crc64Column, offset, storedBytes, crc32, frames, pieces] = row as Columns;
  const digest = digestFromBytes(digestColumn);
  const crc64 = Buffer.from(crc64Column.buffer, crc64Column.byteOffset, crc64Column.length).toString("hex");
  if (pieces !== null) return { digest, sizeBytes, crc64, pieces: decodeDigests(pieces) };
  const single = (): PackedFrame[] => [{ digest, rawBytes: sizeBytes, storedBytes, crc32: crc32 >>> 0 }];
  return { digest, sizeBytes, crc64, offset, frames: frames === null ? single() : decodeFrames(frames) };
}

/** The pieces that a row of a join names, unparsed. Throws as `parseRow` does. */
export function piecesOfRow(row: SqlRow): Uint8Array {
  if (!isRowSound(row)) throw damagedRow(shownName(row[1]));
  return row[8] as Uint8Array;
}

function shownName(digest: unknown): string {
  return `content "${digest instanceof Uint8Array ? Buffer.from(digest).toString("hex") : String(digest)}"`;
}

/** Parses digests back to back, 32 bytes each. */
export function decodeDigests(bytes: Uint8Array): Digest[] {
  const digests: Digest[] = [];
  for (let at = 0; at < bytes.length; at += 32) digests.push(digestFromBytes(bytes.subarray(at, at + 32)));
  return digests;
}

const frameBytes = 44;

function encodeFrames(frames: readonly PackedFrame[]): Uint8Array {
  const bytes = Buffer.alloc(frames.length * frameBytes);
  frames.forEach((frame, i) => {
    bytes.set(digestBytes(frame.digest), i * frameBytes);
    bytes.writeUInt32LE(frame.rawBytes, i * frameBytes + 32);
    bytes.writeUInt32LE(frame.storedBytes, i * frameBytes + 36);
    bytes.writeUInt32LE(frame.crc32, i * frameBytes + 40);
  });
  return bytes;
}

function decodeFrames(column: Uint8Array): PackedFrame[] {
  const bytes = Buffer.from(column.buffer, column.byteOffset, column.length);
  const frames: PackedFrame[] = [];
  for (let at = 0; at + frameBytes <= bytes.length; at += frameBytes) {
    const [rawBytes, storedBytes] = [bytes.readUInt32LE(at + 32), bytes.readUInt32LE(at + 36)];
    const crc32 = bytes.readUInt32LE(at + 40);
    frames.push({ digest: digestFromBytes(bytes.subarray(at, at + 32)), rawBytes, storedBytes, crc32 });
  }
  return frames;
}
