// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { buildAll, mixedSteps } from "../crash/campaign-steps.ts";
import { type Campaign, type CampaignReport, runCampaign } from "../crash/campaign.ts";
import type { ChildOptions } from "../crash/child.ts";
import { openFoundry } from "../crash/foundry.ts";
import { ownNamespaces } from "../crash/namespaces.ts";
import { verifyStore } from "../crash/verify-store.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    dir: { type: "string", default: tmpdir() },
  },
});

/**
 * Eight builders over twenty images that are killed at random beside a running gc; then so many rounds of gc against
 * four builders who build, pull, check out and forget. `--count ROUNDS --seed N --dir DIR`
 */
async function main(seed: number, rounds: number, dir: string): Promise<void> {
  const base = mkdtempSync(join(dir, "ashlar-builders-"));
  await using foundry = await openFoundry(base, 20);
  const run = async (name: string, campaign: Omit<Campaign, "store" | "seed">): Promise<void> => {
    const store = join(base, name);
    const report = await runCampaign(foundry, { ...campaign, seed, store });
    console.log(`${name}, seed ${seed}: ${lineOf(report)}`);
    const left = await verifyStore(store);
    console.log(`  whole, and only what is reached: ${JSON.stringify(left)}`);
  };
  const timeLimitMs = 1_800_000;
  // Every other builder is in namespaces of its own, as on another machine with the same disk.
  const startOptions = (builder: number): ChildOptions => (builder % 2 === 0 ? {} : { wrapper: ownNamespaces });
  const killed = { builders: 8, stepsOf: buildAll, gcPauseMs: 200, graceMs: 10_000, killEvery: 4 };
  await run("killed", { ...killed, startOptions, timeLimitMs });
  await run("gc", { builders: 4, stepsOf: mixedSteps(100_000), gcPauseMs: 100, gcRounds: rounds, timeLimitMs });
  rmSync(base, { recursive: true, force: true });
}

function lineOf({ steps, rounds, kills, timeMs }: CampaignReport): string {
  const waits = steps.map(({ waitMs }) => waitMs).sort((a, b) => a - b);
  const at = (share: number): number => waits[Math.floor(share * (waits.length - 1))] ?? 0;
  const removed = rounds.reduce((sum, { removedContents }) => sum + removedContents, 0);
  const work = `${steps.length} steps in ${Math.round(timeMs / 1000)} s, ${kills} kills`;
  const gc = `${rounds.length} rounds of gc that removed ${removed} contents`;
  const longest = Math.max(0, ...rounds.map((round) => round.timeMs));
  const wait = `builders waited ${at(0.5)} ms (median), ${at(0.99)} ms (99 %), ${at(1)} ms (most)`;
  return `${work}; ${gc}, the longest ${longest} ms with its wait; ${wait}`;
}

await main(Number(values.seed), Number(values.count), values.dir);
