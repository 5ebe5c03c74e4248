// SPDX-License-Identifier: Apache-2.0
import { type Random, randomSource } from "../long/mutate.ts";
import type { Life } from "./lives.ts";
import type { Places } from "./places.ts";
import { errorPoints, killPoints, type Point, recordCalls, runPoint, show } from "./points.ts";
import { runVictim } from "./traced.ts";
import { verifyAfter } from "./verify.ts";

/** What a series of points came to. */
export interface Tally {
  readonly points: number;
  /** Points that were not reached, because a run made other calls: they are not counted as points. */
  readonly missed: readonly string[];
  readonly faults: readonly string[];
}

export interface CampaignOptions {
  readonly kind: "kill" | "error";
  readonly lives: readonly Life[];
  /** Of each life; absent: all there are. */
  readonly count?: number | undefined;
  readonly seed: number;
  /** Of `of` processes that share the points, this is `number`, from 1 on; absent: there is one. */
  readonly part?: { readonly number: number; readonly of: number } | undefined;
  /** Only calls whose text, as strace shows it, matches. */
  readonly only?: RegExp | undefined;
  readonly onPoint?: (point: string, faults: readonly string[]) => void;
}

/** Runs points of lives, chosen by the seed. */
export async function runPoints(places: Places, options: CampaignOptions): Promise<Tally> {
  const { kind, lives, count, seed, part = { number: 1, of: 1 }, only = /^/, onPoint } = options;
  const random = randomSource(seed);
  const tally = { points: 0, missed: [] as string[], faults: [] as string[] };
  for (const life of lives) {
    const calls = (await recordCalls(places, life)).filter(({ text }) => only.test(text));
    const all = kind === "kill" ? killPoints(life, calls) : errorPoints(life, calls);
    const chosen = choose(all, count ?? all.length, random);
    for (const point of chosen.filter((_, i) => i % part.of === part.number - 1)) {
      const { isMissed, faults } = await runPoint(places, point);
      if (isMissed) tally.missed.push(show(point));
      else tally.points++;
      tally.faults.push(...faults);
      onPoint?.(show(point), faults);
    }
  }
  return tally;
}

function choose(points: readonly Point[], count: number, random: Random): readonly Point[] {
  if (count >= points.length) return points;
  const left = [...points];
  return Array.from({ length: count }, () => left.splice(random(left.length), 1)[0] as Point);
}

/** Kills lives at random times, `count` times each. */
export async function runKills(places: Places, options: Omit<CampaignOptions, "kind">): Promise<Tally> {
  const { lives, count = 10, seed, onPoint } = options;
  const random = randomSource(seed);
  const tally = { points: 0, missed: [] as string[], faults: [] as string[] };
  const { base, cache } = places;
  for (const life of lives) {
    const expected = await places.expected(life);
    let usualMs = 0;
    for (let i = -2; i < count; i++) {
      await places.enter(life.start);
      // The first run fills Node's cache of modules, the second tells how long a life is.
      const killMs = (usualMs * random(1000)) / 1000;
      const end = await runVictim({ base, cache, life: life.name, ...(i < 0 ? {} : { killMs }) });
      usualMs = i < 0 ? end.tookMs : usualMs;
      if (i < 0) continue;
      const what = `${life.name}, killed after ${killMs.toFixed(1)} of ${usualMs.toFixed(1)} ms`;
      if (end.signal !== "SIGKILL") tally.missed.push(what);
      else tally.points++;
      const faults = (await verifyAfter(base, life, { end, expected })).map((fault) => `${what}: ${fault}`);
      tally.faults.push(...faults);
      onPoint?.(what, faults);
    }
  }
  return tally;
}
