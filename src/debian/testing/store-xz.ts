// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

const chunkBytesMax = 0x10000;

/** Wraps bytes in an xz stream of stored LZMA2 chunks: needs no encoder, so it is the same everywhere. */
export function storeXz(raw: Uint8Array): Uint8Array {
  const flags = Buffer.from([0, 1]);
  // One LZMA2 filter (0x21) with one byte of properties: a dictionary of 64 KiB.
  const header = withCrc(Buffer.from([2, 0, 0x21, 1, 8, 0, 0, 0]));
  const body = storedChunks(raw);
  const unpadded = header.length + body.length + 4;
  const block = Buffer.concat([header, body, padding(body.length), crcOf(raw)]);
  const records = Buffer.concat([Buffer.from([0, 1]), varint(unpadded), varint(raw.length)]);
  const index = withCrc(Buffer.concat([records, padding(records.length)]));
  const sizes = Buffer.alloc(4);
  sizes.writeUInt32LE(index.length / 4 - 1);
  const tail = Buffer.concat([sizes, flags]);
  const head = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), withCrc(flags)]);
  return Buffer.concat([head, block, index, crcOf(tail), tail, Buffer.from("YZ")]);
}

function storedChunks(raw: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < raw.length; at += chunkBytesMax) {
    const chunk = raw.subarray(at, at + chunkBytesMax);
    const size = chunk.length - 1;
    // 1 resets the dictionary, as the first chunk must; 2 goes on.
    parts.push(Buffer.from([at === 0 ? 1 : 2, size >>> 8, size & 0xff]), chunk);
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function crcOf(bytes: Uint8Array): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(crc32(bytes));
  return out;
}

function withCrc(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, crcOf(bytes)]);
}
