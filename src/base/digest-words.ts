// SPDX-License-Identifier: Apache-2.0

/** Four bytes from a place on as an unsigned number, the first the highest. */
export function wordOf(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** The same of eight hexadecimal digits in small letters; what else stands there gives some number. */
export function wordOfHex(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) {
    const code = bytes[i] as number;
    // "0" is 48, "a" is 97.
    word = (word << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return word >>> 0;
}
