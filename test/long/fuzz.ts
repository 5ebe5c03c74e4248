// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";

import { AshlarError } from "../../src/base/index.ts";
import { mutate, randomSource } from "./mutate.ts";

/** What each folder's `fuzz.ts` exports: a parser, and valid inputs to start from. */
interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => Uint8Array[] | Promise<Uint8Array[]>;
  readonly run: (bytes: Uint8Array) => unknown;
}

const root = join(import.meta.dirname, "../..");
const callMsMax = 2000;
const memoryBytesMax = 768 << 20;

/**
 * `sh tools/run test/long/fuzz.ts [--count 10000] [--seed 1] [--only NAME]`: mutates valid inputs of every
 * parser. A parser may succeed or throw `AshlarError`; anything else, a call above two seconds or memory
 * above the bound is a finding. Exits 1 when there is one.
 */
async function main(): Promise<void> {
  const count = Number(option("--count") ?? 10_000);
  const seed = Number(option("--seed") ?? 1);
  const only = option("--only");
  let findings = 0;
  for (const target of await targets()) {
    if (only !== undefined && !target.name.includes(only)) continue;
    findings += await fuzz(target, count, seed);
  }
  console.log(`${findings === 0 ? "clean" : `${findings} findings`} (seed ${seed})`);
  process.exitCode = findings === 0 ? 0 : 1;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

async function targets(): Promise<FuzzTarget[]> {
  const files = globSync("src/**/fuzz.ts", { cwd: root }).sort();
  const all: FuzzTarget[] = [];
  for (const file of files) {
    const path = join(root, file);
    if (existsSync(path)) all.push(...((await import(path)) as { fuzzTargets: FuzzTarget[] }).fuzzTargets);
  }
  return all;
}

async function fuzz(target: FuzzTarget, count: number, seed: number): Promise<number> {
  const random = randomSource(seed);
  const seeds = await target.seeds();
  let refused = 0;
  let findings = 0;
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    const bytes = mutate(seeds[random(seeds.length)] as Uint8Array, random);
    const before = performance.now();
    const fault = await tryOne(target, bytes);
    if (fault === "refused") refused++;
    const tookMs = performance.now() - before;
    const memory = process.memoryUsage.rss();
    const found = fault === "refused" ? undefined : (fault ?? bound(tookMs, memory));
    if (found === undefined) continue;
    findings++;
    if (findings <= 3)
      console.log(
        `${target.name}, input ${i}: ${found}\n  ${Buffer.from(bytes).toString("base64").slice(0, 400)}`,
      );
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${target.name}: ${count} inputs, ${refused} refused, ${findings} findings, ${seconds} s`);
  return findings;
}

function bound(tookMs: number, memory: number): string | undefined {
  if (tookMs > callMsMax) return `took ${Math.round(tookMs)} ms`;
  if (memory > memoryBytesMax) return `memory ${Math.round(memory / 1e6)} MB`;
  return undefined;
}

async function tryOne(target: FuzzTarget, bytes: Uint8Array): Promise<string | undefined> {
  try {
    await target.run(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof AshlarError) return "refused";
    return error instanceof Error ? `${error.stack}` : String(error);
  }
}

await main();
