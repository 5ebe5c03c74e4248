// SPDX-License-Identifier: Apache-2.0
import { tarError } from "./tar-entry.ts";

/**
 * Reads a number field: octal digits with blanks around (POSIX), or base-256 where the top bit of the first
 * byte is set (GNU, star). An empty field is 0. `at` is the archive offset of the block, for messages.
 */
export function readNumber(
  block: Uint8Array,
  [offset, length]: readonly [number, number],
  at: number,
  reason: "NUMBER" | "CHECKSUM" = "NUMBER",
): number {
  const first = block[offset] as number;
  if (first >= 0x80) return readBase256(block.subarray(offset, offset + length), at + offset);
  const end = offset + length;
  let i = offset;
  while (i < end && block[i] === 0x20) i++;
  let value = 0;
  for (; i < end; i++) {
    const digit = (block[i] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; i < end; i++) {
    const byte = block[i] as number;
    if (byte !== 0 && byte !== 0x20) throw tarError(reason, at + offset, "the field is not an octal number");
  }
  return value;
}

function readBase256(bytes: Uint8Array, at: number): number {
  const negative = (bytes[0] as number) === 0xff;
  // The first byte holds the marker bit and, in positive numbers, seven bits of the value.
  let value = negative ? -1 : (bytes[0] as number) & 0x7f;
  if (!negative && ((bytes[0] as number) & 0x40) !== 0) throw tooLarge(at);
  for (let i = 1; i < bytes.length; i++) {
    value = value * 256 + (bytes[i] as number);
    if (!Number.isSafeInteger(value)) throw tooLarge(at);
  }
  return value;
}

function tooLarge(at: number): Error {
  return tarError("NUMBER", at, "the number is out of range, want at most 2^53 - 1");
}

/** Reads a decimal of a pax record; a fraction is rounded down. Undefined where it is none. */
export function parseDecimal(text: string): number | undefined {
  if (!/^-?[0-9]{1,19}(\.[0-9]{0,40})?$/.test(text)) return undefined;
  const dot = text.indexOf(".");
  let value = Number(dot < 0 ? text : text.slice(0, dot));
  if (dot >= 0 && text.startsWith("-") && /[1-9]/.test(text.slice(dot))) value -= 1;
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}
