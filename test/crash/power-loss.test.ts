// SPDX-License-Identifier: Apache-2.0
/** Keeps P2: what was reported done is there after a power failure, whole, and the next build gives the same. */
import { tmpdir } from "node:os";
import { after, test } from "node:test";

import { whyNoDisks } from "./disks.ts";
import { losePower, makePowerPlace } from "./power-loss.ts";

const why = whyNoDisks(tmpdir());
const place = why === undefined ? await makePowerPlace("ext4") : undefined;
after(() => place?.remove());

// As soon as the first, the fifth and the seventh result were reported, and somewhere in between.
for (const seed of [2, 3, 10, 24]) {
  test(`a power failure takes nothing that was reported (seed ${seed})`, { skip: why }, async () => {
    if (place !== undefined) await losePower(place, seed);
  });
}
