// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";

import { compareVersions } from "../../src/debian/index.ts";
import { comparePairsByDpkg, comparePairsByPerl } from "../../src/debian/testing/dpkg.ts";
import { type Random, randomSource } from "./mutate.ts";

type Pair = readonly [string, string];

/**
 * `sh tools/run test/long/versions.ts [--count 100000] [--seed 1]`: compares our order of versions with
 * that of Dpkg::Version (libdpkg-perl), and for every hundredth pair of dpkg itself. The versions are those
 * of the archives that this machine's apt knows. Exits 1 when one differs.
 */
function main(): void {
  const count = Number(option("--count") ?? 100_000);
  const seed = Number(option("--seed") ?? 1);
  const versions = versionsOfArchive();
  const pairs = drawPairs(versions, count, randomSource(seed));
  const started = performance.now();
  const ours = pairs.map(([a, b]) => Math.sign(compareVersions(a, b)));
  const tookMs = performance.now() - started;
  const sample = pairs.filter((_, at) => at % 100 === 0);
  const faults = [
    ...differences(pairs, ours, comparePairsByPerl(pairs)),
    ...differences(
      sample,
      ours.filter((_, at) => at % 100 === 0),
      comparePairsByDpkg(sample),
    ),
  ];
  for (const fault of faults.slice(0, 20)) console.log(fault);
  const equal = ours.filter((sign) => sign === 0).length;
  console.log(
    `${pairs.length} pairs of ${versions.length} versions, ${equal} equal, ${sample.length} also by dpkg itself`,
  );
  console.log(`${faults.length} differences (seed ${seed}); ours took ${tookMs.toFixed(0)} ms`);
  process.exitCode = faults.length === 0 && pairs.length === count ? 0 : 1;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** Every version of a package or in a relation, once, in ordinal order. */
function versionsOfArchive(): readonly string[] {
  const text = execFileSync("apt-cache", ["dumpavail"], { maxBuffer: 1 << 30 }).toString("latin1");
  const found = new Set<string>();
  for (const match of text.matchAll(/^Version: (\S+)$|\([<>=]+ ([^\s()]+)\)/gm))
    found.add(match[1] ?? match[2] ?? "");
  if (found.size < 1000) throw new Error("apt knows too few packages: run apt-get update");
  return [...found].sort();
}

/** Half of them far apart, half near each other, where the rules matter; some changed a little. */
function drawPairs(versions: readonly string[], count: number, random: Random): readonly Pair[] {
  const pick = (at: number): string => versions[at % versions.length] as string;
  return Array.from({ length: count }, (_, i): Pair => {
    const at = random(versions.length);
    if (i % 2 === 0) return [pick(at), pick(random(versions.length))];
    if (i % 4 === 1) return [pick(at), pick(at + random(20))];
    return [pick(at), vary(pick(at), random)];
  });
}

/** Another version: one character more, a revision more, or zeros more. */
function vary(version: string, random: Random): string {
  const tails = ["~", "+", "a", "0", ".0", "~rc1", "+b1", "-0", "-1"];
  const colon = version.indexOf(":") + 1;
  if (random(3) === 0) return `${version.slice(0, colon)}0${version.slice(colon)}`;
  return version + (tails[random(tails.length)] as string);
}

function differences(pairs: readonly Pair[], ours: readonly number[], theirs: readonly number[]): string[] {
  if (theirs.length !== pairs.length) throw new Error(`${theirs.length} answers to ${pairs.length} pairs`);
  const faults = pairs.map(([a, b], at) => `${a} and ${b}: ours ${ours[at]}, theirs ${theirs[at]}`);
  return faults.filter((_, at) => ours[at] !== theirs[at]);
}

main();
