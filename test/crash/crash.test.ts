// SPDX-License-Identifier: Apache-2.0
/**
 * P1 and P3: a process that is killed at any call, or gets an error from any, loses nothing that was reported done and
 * leaves nothing half-made; the same commands then end well with the same digests. A sample of `test/long/crash.ts`.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { missing } from "../programs.ts";
import { runKills, runPoints, type Tally } from "./life-campaign.ts";
import { type Life, lives } from "./lives.ts";
import { Places } from "./places.ts";

const places = new Places();
after(() => places.remove());
const skip = missing(["strace"], false);
const seed = 20;

function livesOf(...names: readonly string[]): Life[] {
  return lives.filter(({ name }) => names.includes(name));
}

function verifyTally({ points, missed, faults }: Tally, atLeast: number): void {
  assert.deepEqual(faults, [], `seed ${seed}`);
  assert.ok(points >= atLeast, `only ${points} points were reached; not ${missed.join("\n")}`);
}

test("a process that is killed before a call leaves a sound store and what it reported", { skip }, async () => {
  verifyTally(await runPoints(places, { kind: "kill", lives: livesOf("build", "gc"), count: 2, seed }), 2);
});

test("a call that fails is told as an error of ours, and leaves a sound store", { skip }, async () => {
  verifyTally(await runPoints(places, { kind: "error", lives: livesOf("rebuild", "checkout"), count: 2, seed }), 2);
});

test("repair drops nothing because a pack could not be opened for once", { skip }, async () => {
  const only = /^openat\(.*\/packs\/.*\.pack"/;
  verifyTally(await runPoints(places, { kind: "error", lives: livesOf("repair"), only, count: 2, seed }), 1);
});

test("a process that is killed at any time leaves a sound store and what it reported", async () => {
  const some = livesOf("threads", "import", "repair", "migrate");
  verifyTally(await runKills(places, { lives: some, count: 1, seed }), 2);
});
