// SPDX-License-Identifier: Apache-2.0
/** Keeps P4, P5 and P6: damage is found, repaired by the next build, and lets no wrong byte out before. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { openStore } from "../../src/store/index.ts";
import { makeDamagePlace } from "./damage-place.ts";
import { damageAreas } from "./damages.ts";
import { pointOf, runPoint } from "./flips.ts";

const place = await makeDamagePlace();
after(() => place.remove());

test("a full fsck of a sound store finds nothing, at rest and with open logs", () => {
  for (const rest of ["closed", "open"] as const) {
    place.reset(rest);
    const store = openStore(place.store);
    assert.deepEqual(store.fsck({ full: true }).faults, [], rest);
    store.close();
  }
});

for (const [i, area] of damageAreas.entries()) {
  test(`damage to ${area} is found or without effect, and repaired`, async () => {
    // One flipped bit and one other damage.
    for (const turn of [0, 1 + 2 * (i % 5)]) await runPoint(place, pointOf(i + turn * damageAreas.length));
  });
}
