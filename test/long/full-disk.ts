// SPDX-License-Identifier: Apache-2.0
/**
 * Builds, imports, checks out, collects garbage and repairs on disks with little room left. Needs root.
 *
 *     sh tools/run test/long/full-disk.ts [--count N] [--seed N]
 */
import { parseArgs } from "node:util";

import { randomOf } from "../../src/store/testing/random-tree.ts";
import { collectOnFull, fullSteps, makeFullPlace, runFull } from "../crash/full-disk.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { count: text, seed: text } });
const [first, count] = [Number(values.seed ?? 0), Number(values.count ?? 100)];
const tally = new Map<string, number>();
let failed = 0;
for (const kind of ["ext4", "tmpfs"] as const) {
  const place = await makeFullPlace(kind, 40);
  try {
    console.log(`gc on a full ${kind} gave back ${await collectOnFull(place)} bytes`);
  } catch (error) {
    failed++;
    console.log(`FAILED gc on a full ${kind}:`, error);
  }
  for (let seed = first; seed < first + count / 2; seed++) {
    const step = fullSteps[seed % fullSteps.length] as (typeof fullSteps)[number];
    const random = randomOf(seed);
    random(2);
    const free = random(3) === 0 ? random(64) * 1024 : random(9 << 20);
    let code = "FAILED";
    try {
      code = await runFull(place, step, free);
    } catch (error) {
      failed++;
      const why = error instanceof Error ? error.message : error;
      console.log(`FAILED seed ${seed}, ${step} with ${free} bytes on ${kind}:`, why);
    }
    tally.set(`${kind} ${step}: ${code}`, (tally.get(`${kind} ${step}: ${code}`) ?? 0) + 1);
  }
  place.remove();
}
for (const [key, times] of [...tally].sort()) console.log(`${String(times).padStart(5)}  ${key}`);
console.log(`${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
