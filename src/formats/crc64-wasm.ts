// SPDX-License-Identifier: Apache-2.0
import { wasm, type WasmMemory } from "./wasm.ts";

/**
 * CRC-64/ISO in WebAssembly, assembled here from its formulas. The polynomial x^64 + x^4 + x^3 + x + 1 is so
 * sparse that no table is needed: multiplying by x^64 modulo it is multiplying by x^4 + x^3 + x + 1, a few
 * shifts and xors, and x^256 becomes x^16 + x^12 + x^4 + 1 (squaring keeps the count of terms). Four lanes of
 * 8 bytes are multiplied by x^256 at a time, independent of each other, and joined in the end.
 *
 * Bits are reflected: bit 63 of a word is the coefficient of x^0, so multiplying by x is shifting right.
 */
export interface CrcModule {
  readonly memory: WasmMemory;
  /** The raw state after `size` bytes, a multiple of 32, that lie at address 0. */
  readonly blocks: (state: bigint, size: number) => bigint;
  /** The raw state after `size` bytes from `at`, one by one. */
  readonly bytes: (state: bigint, at: number, size: number) => bigint;
}

type Code = readonly number[];

const i32 = 0x7f;
const i64 = 0x7e;
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const tee = (local: number): Code => [0x22, local];
const const64 = (value: number): Code => [0x42, value];
const const32 = (value: number): Code => [0x41, value];
const xor: Code = [0x85];
const shiftLeft = (value: Code, bits: number): Code => [...value, ...const64(bits), 0x86];
const shiftRight = (value: Code, bits: number): Code => [...value, ...const64(bits), 0x88];
const add32: Code = [0x6a];
const load64 = (address: Code, offset: number): Code => [...address, 0x29, 3, offset];
const load8 = (address: Code): Code => [...address, 0x31, 0, 0];
const lessUnsigned32: Code = [0x49];

/** value := value * (1 + x^a) * (1 + x^b), dropping what passes x^63. */
function timesTwo(local: number, a: number, b: number): Code {
  return [
    ...get(local), ...shiftRight(get(local), a), ...xor, ...set(local),
    ...get(local), ...shiftRight(get(local), b), ...xor, ...set(local),
  ];
}

/**
 * local := local * (1 + x^a) * (1 + x^b) modulo the polynomial. What passes x^63 goes to `carry`, counted
 * from x^64, and comes back multiplied by x^4 + x^3 + x + 1 = (1 + x) * (1 + x^3).
 */
function times(local: number, carry: number, a: number, b: number): Code {
  return [
    ...shiftLeft(get(local), 64 - a), ...shiftLeft(get(local), 64 - b), ...xor,
    ...shiftLeft(get(local), 64 - a - b), ...xor, ...set(carry),
    ...timesTwo(local, a, b), ...timesTwo(carry, 1, 3),
    ...get(local), ...get(carry), ...xor, ...set(local),
  ];
}

const lanes = [0, 1, 2, 3] as const;

/** Locals: 0 state, 1 size, 2 address; 3 to 6 lanes, 7 carry. */
function blocksCode(): Code {
  const lane = (i: number): number => 3 + i;
  const carry = 7;
  return [
    2, 1, i32, 5, i64,
    // The state goes into the first lane, by the first word's xor below: a lane starts as 0 times x^256.
    ...get(1), 0x45, 0x04, 0x40, ...get(0), 0x0f, 0x0b,
    ...lanes.flatMap((i) => [...load64(get(2), 8 * i), ...set(lane(i))]),
    ...get(0), ...get(lane(0)), ...xor, ...set(lane(0)),
    0x03, 0x40,
    ...get(2), ...const32(32), ...add32, ...tee(2), ...get(1), ...lessUnsigned32,
    0x04, 0x40,
    ...lanes.flatMap((i) => [
      ...times(lane(i), carry, 4, 12), ...get(lane(i)), ...load64(get(2), 8 * i), ...xor, ...set(lane(i)),
    ]),
    0x0c, 1, 0x0b, 0x0b,
    // ((a * x^64 + b) * x^64 + c) * x^64 + d) * x^64
    ...lanes.flatMap((i) => [
      ...(i === 0 ? [] : [...get(lane(i)), ...get(lane(i - 1)), ...xor, ...set(lane(i))]),
      ...times(lane(i), carry, 1, 3),
    ]),
    ...get(lane(3)), 0x0b,
  ];
}

/** Locals: 0 state, 1 address, 2 size (made the end); 3 low byte, 4 its part above x^63. */
function bytesCode(): Code {
  return [
    1, 2, i64,
    ...get(1), ...get(2), ...add32, ...set(2),
    0x03, 0x40,
    ...get(1), ...get(2), ...lessUnsigned32,
    0x04, 0x40,
    // The byte that is shifted out, times x^4 + x^3 + x + 1, comes back at the top.
    ...shiftLeft([...get(0), ...load8(get(1)), ...xor], 56), ...set(3),
    ...timesTwo(3, 1, 3),
    ...shiftRight(get(0), 8), ...get(3), ...xor, ...set(0),
    ...get(1), ...const32(1), ...add32, ...set(1),
    0x0c, 1, 0x0b, 0x0b,
    ...get(0), 0x0b,
  ];
}

/** An unsigned LEB128 number. */
function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

function section(id: number, ...parts: readonly Code[]): Code {
  const body = parts.flat();
  return [id, ...leb(body.length), ...body];
}

function named(name: string, kind: number, index: number): Code {
  return [name.length, ...Buffer.from(name), kind, index];
}

function functionBody(code: Code): Code {
  return [...leb(code.length), ...code];
}

/** Makes a module with one page of 64 KiB for input. */
export function makeCrcModule(): CrcModule {
  const code = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [2, 0x60, 2, i64, i32, 1, i64, 0x60, 3, i64, i32, i32, 1, i64]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, 1]),
    ...section(7, [3], named("memory", 2, 0), named("blocks", 0, 0), named("bytes", 0, 1)),
    ...section(10, [2], functionBody(blocksCode()), functionBody(bytesCode())),
  ]);
  return new wasm.Instance(new wasm.Module(code), {}).exports as CrcModule;
}
