// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { fuzzTargets } from "./testing/fuzz.ts";

/** A small generator of reproducible numbers below `n`. */
function dice(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % n;
  };
}

/** Changes, cuts, repeats or swaps some bytes. */
function mutate(seed: Uint8Array, roll: (n: number) => number): Buffer {
  let out = Buffer.from(seed);
  for (let count = 1 + roll(4); count > 0 && out.length > 0; count--) {
    const at = roll(out.length);
    const length = 1 + roll(40);
    const kind = roll(5);
    if (kind === 0) out[at] = roll(256);
    else if (kind === 1) out[at] = (out[at] as number) ^ (1 << roll(8));
    else if (kind === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)]);
    else out.fill([0, 0xff, 0x39, 0x30][roll(4)] as number, at, Math.min(out.length, at + length));
  }
  return out;
}

for (const target of fuzzTargets) {
  test(`${target.name} takes its seeds and answers 300 mutations with a value or an AshlarError`, async () => {
    const seeds = target.seeds();
    const roll = dice(20261121);
    let taken = 0;
    for (const seed of seeds) {
      try {
        await target.run(seed);
        taken++;
      } catch (error) {
        assert.ok(isAshlarError(error), String(error));
      }
    }
    assert.ok(taken >= 1, "no seed is valid");
    for (let i = 0; i < 300; i++) {
      const bytes = mutate(seeds[i % seeds.length] as Uint8Array, roll);
      try {
        await target.run(bytes);
      } catch (error) {
        assert.ok(isAshlarError(error), `${String((error as Error).stack)} for ${bytes.toString("base64")}`);
      }
    }
  });
}
