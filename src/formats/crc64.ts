// SPDX-License-Identifier: Apache-2.0
import { type CrcModule, makeCrcModule } from "./crc64-wasm.ts";

/** A check sum, of everything so far: may be shown, compared and continued. */
export type Crc64 = bigint & { readonly __brand: "Crc64" };

const allOnes = 0xffffffffffffffffn;
const pageBytes = 64 * 1024;
const laneBytes = 32;

let module: CrcModule | undefined;
let page = Buffer.alloc(0);

/**
 * CRC-64/ISO of some bytes, or of what `state` covers followed by them (Go's crc64.ISO: reflected polynomial
 * x^64 + x^4 + x^3 + x + 1, all ones in and out). tar-split needs it.
 */
export function crc64(bytes: Uint8Array, state: Crc64 = 0n as Crc64): Crc64 {
  if (module === undefined) {
    module = makeCrcModule();
    page = Buffer.from(module.memory.buffer);
  }
  let raw = state ^ allOnes;
  for (let at = 0; at < bytes.length; at += pageBytes) {
    const piece = at === 0 && bytes.length <= pageBytes ? bytes : bytes.subarray(at, at + pageBytes);
    page.set(piece);
    const whole = piece.length - (piece.length % laneBytes);
    raw = module.blocks(raw, whole);
    if (whole < piece.length) raw = module.bytes(raw, whole, piece.length - whole);
  }
  return (BigInt.asUintN(64, raw) ^ allOnes) as Crc64;
}

/** The 16 hexadecimal digits of a check sum. */
export function crc64Hex(state: Crc64): string {
  return state.toString(16).padStart(16, "0");
}
