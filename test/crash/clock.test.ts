// SPDX-License-Identifier: Apache-2.0
/** P13: a clock that is ten years off, or runs away, makes gc remove nothing live and changes no digest. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { missing } from "../programs.ts";
import { lives } from "./lives.ts";
import { Places } from "./places.ts";
import { runVictim } from "./traced.ts";
import { verifyAfter } from "./verify.ts";

const places = new Places();
after(() => places.remove());
const skip = missing(["faketime"], false);

/** Years ahead, behind, and a year each second, so that it jumps between any two calls. */
const clocks = ["+10y", "-10y", "+0 x31536000"];
const { base, cache } = places;

for (const life of lives.filter(({ name }) => ["build", "checkout", "gc"].includes(name))) {
  test(`${life.name} under a wrong clock does what it does under the true one`, { skip }, async () => {
    const expected = await places.expected(life);
    for (const clock of clocks) {
      await places.enter(life.start);
      const end = await runVictim({ base, cache, life: life.name, clock });
      assert.deepEqual(end.steps.map(({ status }) => status), life.steps.map(() => 0), end.err);
      assert.deepEqual(await verifyAfter(base, life, { end, expected }), [], clock);
    }
  });
}
