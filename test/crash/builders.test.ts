// SPDX-License-Identifier: Apache-2.0
// Keeps the promises that builders on one store, killed or not, make equal digests (P7), and that gc beside them
// removes nothing that is needed and leaves no garbage (P8).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { buildAll, mixedSteps } from "./campaign-steps.ts";
import { runCampaign } from "./campaign.ts";
import { openFoundry } from "./foundry.ts";
import { verifyStore } from "./verify-store.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-builders-"));
const foundry = await openFoundry(base, 4);
after(async () => {
  await foundry[Symbol.asyncDispose]();
  rmSync(base, { recursive: true, force: true });
});

test("builders that are killed at random beside a running gc make the digests of single builds", async (t) => {
  const store = join(base, "killed");
  const campaign = { seed: 1, store, builders: 3, stepsOf: buildAll, gcPauseMs: 100, killEvery: 4 };
  const { kills, rounds } = await runCampaign(foundry, { ...campaign, graceMs: 10_000, timeLimitMs: 120_000 });
  assert.ok(kills > 0 && rounds.length > 0, `${kills} kills, ${rounds.length} rounds of gc`);
  const { refs } = await verifyStore(store);
  // A name and a digest for each image of each builder.
  assert.equal(refs, 3 * 4 * 2);
  t.diagnostic(`${kills} kills, ${rounds.length} rounds of gc`);
});

test("gc beside builders who build, pull, check out and forget removes nothing needed and all garbage", async (t) => {
  const store = join(base, "mixed");
  const campaign = { seed: 2, store, builders: 3, stepsOf: mixedSteps(12), gcPauseMs: 50 };
  const { rounds, steps } = await runCampaign(foundry, { ...campaign, timeLimitMs: 120_000 });
  assert.equal(steps.length, 3 * 12);
  assert.ok(rounds.length > 0);
  await verifyStore(store);
  const longest = Math.max(...steps.map(({ waitMs }) => waitMs));
  t.diagnostic(`${steps.length} steps, ${rounds.length} rounds of gc, longest wait ${longest} ms`);
});
