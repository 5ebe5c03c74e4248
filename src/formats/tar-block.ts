// SPDX-License-Identifier: Apache-2.0
import { nameFromBytes } from "../base/index.ts";
import { blockBytes, field, tarError } from "./tar-entry.ts";
import { readNumber } from "./tar-number.ts";

const zeroBlock = Buffer.alloc(blockBytes);

/** The name in a header block, prefix and name joined. */
export function headerName(block: Uint8Array): string {
  const name = stringOf(block, ...field.name);
  // "ustar\0" is POSIX; GNU writes "ustar  " and keeps times where POSIX has the prefix.
  if (block[257] !== 0x75 || block[262] !== 0 || block[345] === 0 || !hasMagic(block)) return name;
  return `${stringOf(block, ...field.prefix)}/${name}`;
}

function hasMagic(block: Uint8Array): boolean {
  return block[258] === 0x73 && block[259] === 0x74 && block[260] === 0x61 && block[261] === 0x72;
}

/** The text of a field, up to the first NUL. */
export function stringOf(bytes: Uint8Array, offset: number, length: number): string {
  const end = bytes.indexOf(0, offset);
  return nameFromBytes(bytes.subarray(offset, end < 0 ? offset + length : Math.min(end, offset + length)));
}

/** Tells whether `length` bytes from `at`, at most a block, are all zero. */
export function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  return zeroBlock.compare(bytes, at, at + length, 0, length) === 0;
}

/** Throws `FORMATS_TAR_CHECKSUM`; `at` is the block's archive offset. */
export function verifyChecksum(block: Uint8Array, at: number): void {
  const [offset, length] = field.checksum;
  let sum = length * 0x20;
  for (let i = 0; i < offset; i++) sum += block[i] as number;
  for (let i = offset + length; i < blockBytes; i++) sum += block[i] as number;
  const want = readNumber(block, field.checksum, at, "CHECKSUM");
  if (sum === want || signedSum(block, sum) === want) return;
  throw tarError("CHECKSUM", at, `the header's checksum is ${want}, want ${sum}`);
}

/** Some old writers summed signed characters. */
function signedSum(block: Uint8Array, sum: number): number {
  const [offset, length] = field.checksum;
  let signed = sum;
  for (let i = 0; i < blockBytes; i++) {
    if ((block[i] as number) >= 0x80 && (i < offset || i >= offset + length)) signed -= 256;
  }
  return signed;
}
