// SPDX-License-Identifier: Apache-2.0
/**
 * Damages of a store at rest, one at a time: flipped bits, files cut, extended, swapped, renamed, blocks of zeros.
 *
 *     sh tools/run test/long/flips.ts [--count N] [--seed N]
 */
import { parseArgs } from "node:util";

import { makeDamagePlace } from "../crash/damage-place.ts";
import { pointOf, runPoint } from "../crash/flips.ts";

const { values } = parseArgs({ options: { count: { type: "string" }, seed: { type: "string" } } });
const first = Number(values.seed ?? 0);
const tally = new Map<string, number>();
const failed: string[] = [];
const place = await makeDamagePlace();
for (let seed = first; seed < first + Number(values.count ?? 1000); seed++) {
  const point = pointOf(seed);
  const verdict = await runPoint(place, point).catch((error: Error) => {
    failed.push(error.message);
    console.log(error.message, process.env["STACK"] === undefined ? "" : (error.cause as Error).stack);
    return "FAILED";
  });
  const key = `${point.area} ${point.kind === "flip" ? "flip" : "other"}: ${verdict ?? "nothing to damage"}`;
  tally.set(key, (tally.get(key) ?? 0) + 1);
}
place.remove();
for (const [key, count] of [...tally].sort()) console.log(`${String(count).padStart(5)}  ${key}`);
console.log(`${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
