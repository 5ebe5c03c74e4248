// SPDX-License-Identifier: Apache-2.0
import { randomOf } from "../../src/store/testing/random-tree.ts";
import type { DamagePlace } from "./damage-place.ts";
import { type DamageArea, damageAreas, type DamageKind, damageKinds, damageOne } from "./damages.ts";
import { judgeDamage, type Verdict } from "./judge-damage.ts";

export interface FlipPoint {
  readonly seed: number;
  readonly area: DamageArea;
  readonly kind: DamageKind;
}

/** Point number `seed` of a campaign: areas in turn; every other damage is a flipped bit. */
export function pointOf(seed: number): FlipPoint {
  const area = damageAreas[seed % damageAreas.length] as DamageArea;
  const turn = Math.floor(seed / damageAreas.length);
  const kind = turn % 2 === 0 ? "flip" : (damageKinds[1 + ((turn >> 1) % (damageKinds.length - 1))] as DamageKind);
  return { seed, area, kind };
}

/** Undefined where there is nothing to damage in that way. Throws with what was done where a promise does not hold. */
export async function runPoint(place: DamagePlace, { seed, area, kind }: FlipPoint): Promise<Verdict | undefined> {
  let what: string | undefined;
  try {
    const rest = seed % 3 === 0 || area.endsWith("-wal") ? "open" : "closed";
    const inflict = (): string | undefined =>
      (what = damageOne(place.store, { area, kind, random: randomOf(seed) }));
    return await judgeDamage(place, { area, rest, inflict });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed}, ${what ?? `${kind} ${area}`}: ${message}`, { cause });
  }
}
