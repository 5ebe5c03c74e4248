// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Numbers from 0 to below a bound, the same for the same seed (Numerical Recipes' generator). */
export function seeded(seed: number): (bound: number) => number {
  let state = Math.imul(seed, 2_654_435_761) >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Flips one bit of one pack of a store; says which. */
export function flipInPack(storeDir: string, random: (bound: number) => number): string {
  const dir = join(storeDir, "packs");
  const packs = readdirSync(dir, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pack")).sort();
  const name = packs[random(packs.length)] as string;
  const path = join(dir, name);
  const bytes = readFileSync(path);
  const bit = random(bytes.length * 8);
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  chmodSync(path, 0o600);
  writeFileSync(path, bytes);
  return `bit ${bit} of ${name}`;
}
