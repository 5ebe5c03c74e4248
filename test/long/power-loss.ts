// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts the power of a store at work, 100 times, on a loop device. Needs root.
 *
 *     sh tools/run test/long/power-loss.ts [--count N] [--seed N] [--kind ext4|xfs]
 */
import { parseArgs } from "node:util";

import { losePower, makePowerPlace, type PowerKind } from "../crash/power-loss.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { count: text, seed: text, kind: text } });
const first = Number(values.seed ?? 0);
const place = await makePowerPlace((values.kind ?? "ext4") as PowerKind);
let failed = 0;
for (let seed = first; seed < first + Number(values.count ?? 100); seed++) {
  try {
    console.log(await losePower(place, seed));
  } catch (error) {
    failed++;
    console.log("FAILED", error instanceof Error ? error.message : error);
  }
}
place.remove();
console.log(`${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
