// SPDX-License-Identifier: Apache-2.0
import { runKills, runPoints, type Tally } from "../crash/life-campaign.ts";
import { lives } from "../crash/lives.ts";
import { Places } from "../crash/places.ts";

/**
 * `sh tools/run test/long/crash.ts [--kind kill|error|random] [--life NAME] [--count N] [--seed N] [--part N/M]`: what
 * is left of a store when a process that uses it ends before any of its calls, or any of its calls fails. `--count`
 * points of each life (absent: all there are, hours), every Mth of them. Prints each fault as it is found, and exits 1
 * when there is one.
 */
async function main(): Promise<void> {
  const option = (name: string): string | undefined => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
  };
  const count = option("--count") === undefined ? undefined : Number(option("--count"));
  const seed = Number(option("--seed") ?? 1);
  const [number, of] = (option("--part") ?? "1/1").split("/").map(Number) as [number, number];
  const name = option("--life");
  const chosen = lives.filter((life) => name === undefined || life.name === name);
  const kinds = ["kill", "error", "random"].filter((kind) => kind === (option("--kind") ?? kind));
  const places = new Places();
  try {
    for (const kind of kinds) {
      for (const life of chosen) {
        let done = 0;
        const onPoint = (point: string, faults: readonly string[]): void => {
          if (++done % 100 === 0) console.error(`${done}: ${point}`);
          for (const fault of faults) console.log(fault);
        };
        const options = { lives: [life], count, seed, part: { number, of }, onPoint };
        const started = performance.now();
        const tally =
          kind === "random"
            ? await runKills(places, options)
            : await runPoints(places, { ...options, kind: kind as "kill" | "error" });
        report(`${kind} ${life.name}`, tally, performance.now() - started);
      }
    }
  } finally {
    places.remove();
  }
  console.log(`seed ${seed}`);
}

function report(what: string, { points, missed, faults }: Tally, tookMs: number): void {
  const seconds = (tookMs / 1000).toFixed(0);
  console.log(`${what}: ${points} points, ${missed.length} not reached, ${faults.length} faults, ${seconds} s`);
  if (faults.length > 0) process.exitCode = 1;
}

await main();
