// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { must } from "../../test/programs.ts";

/** A bit of a file below a directory. */
export interface BitPlace {
  /** Relative to the directory. */
  readonly path: string;
  readonly byte: number;
  readonly bit: number;
}

/** Places in the files below a directory, each byte as likely as any other; the same for the same seed and sizes. */
export function seededPlaces(
  dir: string,
  { count, seed }: { readonly count: number; readonly seed: number },
): readonly BitPlace[] {
  const found = must("find", [dir, "-type", "f", "-printf", "%P\\0"]).split("\0");
  const files = found.filter((path) => path !== "").sort().map((path) => ({ path, stats: lstatSync(join(dir, path)) }));
  const total = files.reduce((sum, { stats }) => sum + stats.size, 0);
  const next = generator(seed);
  return Array.from({ length: count }, () => {
    let byte = Math.floor(next() * total);
    for (const { path, stats } of files) {
      if (byte < stats.size) return { path, byte, bit: Math.floor(next() * 8) };
      byte -= stats.size;
    }
    throw new Error("internal error: no byte is behind the last one");
  });
}

export function flipBit(dir: string, { path, byte, bit }: BitPlace): void {
  const file = join(dir, path);
  const bytes = readFileSync(file);
  bytes[byte] = (bytes[byte] as number) ^ (1 << bit);
  writeFileSync(file, bytes);
}

/** mulberry32: numbers from 0 to 1. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
