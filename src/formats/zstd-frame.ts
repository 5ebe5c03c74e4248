// SPDX-License-Identifier: Apache-2.0
import { zstdDecompressSync } from "node:zlib";

import { AshlarError } from "../base/index.ts";

const magic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const blockBytesMax = 128 * 1024;
/** A run shorter than this costs more as a block of its own (4 bytes, and 3 for the raw block after it). */
const runBytesMin = 8;

/** Output buffers grow in steps of at most this, so that a lie about the size costs no memory. */
const chunkBytesMax = 8 << 20;

let scratch = Buffer.allocUnsafe(4096);

/**
 * Makes one zstd frame of raw and RLE blocks only. The bytes are a pure function of the input and of this code,
 * not of any compressor; meant for tar headers, where runs of zeros are most of the input.
 * Single segment with content size, no checksum (RFC 8878, 3.1.1).
 */
export function plainFrame(raw: Uint8Array): Buffer {
  // Each run saves at least one byte, so only the raw blocks' headers add: one for every 128 KiB, and slack.
  const bound = raw.length + 32 + 3 * Math.ceil(raw.length / blockBytesMax);
  if (scratch.length < bound) scratch = Buffer.allocUnsafe(bound);
  const out = scratch;
  let to = writeFrameHeader(out, raw.length);
  let rawStart = 0;
  let at = 0;
  while (at < raw.length) {
    const run = runAt(raw, at);
    if (run < runBytesMin) {
      at += run;
      continue;
    }
    to = writeRaw(out, to, raw, rawStart, at, false);
    to = writeRun(out, to, raw[at] as number, run, at + run === raw.length);
    at += run;
    rawStart = at;
  }
  if (rawStart < raw.length || raw.length === 0) to = writeRaw(out, to, raw, rawStart, raw.length, true);
  return Buffer.from(out.subarray(0, to));
}

function runAt(raw: Uint8Array, at: number): number {
  const byte = raw[at];
  let end = at + 1;
  while (end < raw.length && raw[end] === byte) end++;
  return end - at;
}

/** Magic number, descriptor, content size in the smallest of its fields. */
function writeFrameHeader(out: Buffer, size: number): number {
  out.writeUInt32LE(magic, 0);
  const singleSegment = 0x20;
  if (size < 256) {
    out[4] = singleSegment;
    out[5] = size;
    return 6;
  }
  if (size < 65536 + 256) {
    out[4] = singleSegment | 0x40;
    out.writeUInt16LE(size - 256, 5);
    return 7;
  }
  out[4] = singleSegment | 0x80;
  out.writeUInt32LE(size, 5);
  return 9;
}

function writeRaw(out: Buffer, to: number, raw: Uint8Array, from: number, end: number, last: boolean): number {
  let at = from;
  do {
    const length = Math.min(blockBytesMax, end - at);
    if (length === 0 && !last) return to;
    writeBlockHeader(out, to, 0, length, last && at + length === end);
    if (length <= 32) for (let i = 0; i < length; i++) out[to + 3 + i] = raw[at + i] as number;
    else out.set(raw.subarray(at, at + length), to + 3);
    to += 3 + length;
    at += length;
  } while (at < end);
  return to;
}

function writeRun(out: Buffer, to: number, byte: number, run: number, last: boolean): number {
  let left = run;
  while (left > 0) {
    const length = Math.min(blockBytesMax, left);
    left -= length;
    writeBlockHeader(out, to, 1, length, last && left === 0);
    out[to + 3] = byte;
    to += 4;
  }
  return to;
}

function writeBlockHeader(out: Buffer, to: number, type: 0 | 1, length: number, last: boolean): void {
  const header = (length << 3) | (type << 1) | (last ? 1 : 0);
  out[to] = header & 0xff;
  out[to + 1] = (header >> 8) & 0xff;
  out[to + 2] = header >> 16;
}

/** Wraps bytes in a skippable frame, which decompressors pass over (RFC 8878, 3.1.2). */
export function skippableFrame(payload: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(8 + payload.length);
  out.writeUInt32LE(skippableMagic, 0);
  out.writeUInt32LE(payload.length, 4);
  out.set(payload, 8);
  return out;
}

/**
 * Decompresses one frame of known content size; what follows the frame is not looked at. Throws
 * `FORMATS_ZSTD_INVALID`, also where the size differs.
 */
export function decompressFrame(frame: Uint8Array, rawBytes: number): Buffer {
  let raw: Buffer;
  try {
    // zlib refuses a limit of 0; a buffer that is not filled saves it a second round.
    const chunkSize = Math.min(chunkBytesMax, Math.max(64, rawBytes + 1));
    raw = zstdDecompressSync(frame, { maxOutputLength: rawBytes + 1, chunkSize });
  } catch (cause) {
    throw invalidFrame(`it does not decompress to ${rawBytes} bytes`, cause);
  }
  if (raw.length !== rawBytes) throw invalidFrame(`it has ${raw.length} bytes, want ${rawBytes}`);
  return raw;
}

function invalidFrame(fault: string, cause?: unknown): AshlarError {
  return new AshlarError("FORMATS_ZSTD_INVALID", `Cannot read zstd frame: ${fault}`, { cause });
}
