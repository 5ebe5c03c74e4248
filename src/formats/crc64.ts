// SPDX-License-Identifier: Apache-2.0

/** The check sum so far, finished form: may be shown, compared and continued. */
export type Crc64 = bigint & { readonly __brand: "Crc64" };

const mask = 0xffffffffffffffffn;

/**
 * CRC-64/ISO of some bytes, or of what `state` covers followed by them (Go's crc64.ISO: reflected polynomial
 * x^64 + x^4 + x^3 + x + 1, all ones in and out). tar-split needs it.
 */
export function crc64(bytes: Uint8Array, state: Crc64 = 0n as Crc64): Crc64 {
  let crc = state ^ mask;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xd800000000000000n : crc >> 1n;
  }
  return (crc ^ mask) as Crc64;
}

/** The 16 hexadecimal digits of a check sum. */
export function crc64Hex(state: Crc64): string {
  return state.toString(16).padStart(16, "0");
}
