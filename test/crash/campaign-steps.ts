// SPDX-License-Identifier: Apache-2.0
import type { Step } from "./builder-work.ts";
import type { Random } from "./random.ts";

/** Every image once, in an order of the builder's own. */
export function buildAll(random: Random, keys: readonly string[]): Step[] {
  return random.shuffled(keys).map((key) => ["build", key]);
}

const kinds = ["build", "build", "checkout", "checkout", "pull", "forget", "forget"] as const;

/** So many steps of all kinds. */
export function mixedSteps(count: number): (random: Random, keys: readonly string[]) => Step[] {
  return (random, keys) => {
    const pick = <T>(items: readonly T[]): T => items[random.below(items.length)] as T;
    return Array.from({ length: count }, (): Step => [pick(kinds), pick(keys)]);
  };
}
