// SPDX-License-Identifier: Apache-2.0
/** Gives a number from 0 to below `bound`. */
export type Random = (bound: number) => number;

/** A repeatable source of numbers (mulberry32). */
export function randomSource(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  };
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const interesting = [
  "\0",
  "\xff",
  "../",
  "/",
  "-1",
  "99999999999999999999",
  "__proto__",
  "\n\n",
  " ",
  ":",
  '"',
  "{",
  "[",
  "%",
  "~",
];

const mutations: readonly Mutation[] = [
  flipBit,
  setByte,
  truncate,
  (bytes, random) => splice(bytes, random, Buffer.alloc(0)),
  (bytes, random) =>
    splice(bytes, random, Buffer.from(interesting[random(interesting.length)] as string, "latin1"), 0),
  (bytes, random) => splice(bytes, random, slice(bytes, random), 0),
  (bytes, random) => splice(bytes, random, Buffer.alloc(random(600), random(256)), 0),
  setDigits,
];

/** One to four changes of a valid input. */
export function mutate(seed: Uint8Array, random: Random): Uint8Array {
  let bytes: Buffer = Buffer.from(seed);
  const count = 1 + random(4);
  for (let i = 0; i < count; i++) bytes = (mutations[random(mutations.length)] as Mutation)(bytes, random);
  return bytes;
}

function flipBit(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes;
  const at = random(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random(8));
  return bytes;
}

function setByte(bytes: Buffer, random: Random): Buffer {
  if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
  return bytes;
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random(bytes.length + 1));
}

function slice(bytes: Buffer, random: Random): Buffer {
  const start = random(bytes.length + 1);
  return bytes.subarray(start, start + random(256));
}

/** Puts something in place of a few bytes. */
function splice(bytes: Buffer, random: Random, put: Buffer, removed = random(64)): Buffer {
  const at = random(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);
}

/** Changes a number that stands in the input as text. */
function setDigits(bytes: Buffer, random: Random): Buffer {
  const start = random(bytes.length + 1);
  const at = bytes.subarray(start).findIndex((byte) => byte >= 0x30 && byte <= 0x39);
  if (at < 0) return bytes;
  bytes[start + at] = 0x30 + random(10);
  return bytes;
}
