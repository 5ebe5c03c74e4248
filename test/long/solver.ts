// SPDX-License-Identifier: Apache-2.0
/**
 * Compares the solver with apt on real archives.
 *
 *     sh tools/run test/long/solver.ts [--suite bookworm] [--sets 300] [--clashes 60] [--seed 1] [--check-every 10]
 *
 * Draws seeded sets of 1 to 8 packages from main of the suite, and pairs of which one excludes the other; asks
 * `apt-get -s --no-install-recommends install` on an empty root, and compares. What differs is printed and
 * must be valid to apt by itself: installing exactly our versions adds and removes nothing. Of the equal ones
 * every tenth is checked so too. The base sets are compared with apt's own patterns for them. Needs apt and
 * the network of the archive; takes some 20 minutes.
 */
import { parseArgs } from "node:util";

import { isAshlarError } from "../../src/base/index.ts";
import { type BaseSet, parsePackages, type PackageIndex, type Solution, solve } from "../../src/debian/index.ts";
import { Apt } from "./solver-apt.ts";

const architecture = "amd64";

const { values } = parseArgs({
  options: {
    suite: { type: "string", multiple: true, default: ["bookworm", "trixie"] },
    sets: { type: "string", default: "300" },
    seed: { type: "string", default: "1" },
    clashes: { type: "string", default: "60" },
    "check-every": { type: "string", default: "10" },
  },
});

let failed = false;
for (const suite of values.suite) failed = !compareSuite(suite) || failed;
process.exitCode = failed ? 1 : 0;

function compareSuite(suite: string): boolean {
  const apt = new Apt(suite, architecture);
  try {
    const index = parsePackages(apt.packages(), { architecture, source: suite });
    const isBaseEqual = (["essential", "minbase"] as const).map((base) => compareBase(apt, index, base)).every(Boolean);
    return compareSets(apt, index) && isBaseEqual;
  } finally {
    apt.close();
  }
}

function compareSets(apt: Apt, index: PackageIndex): boolean {
  const count = { equal: 0, refusedByBoth: 0, documented: 0, different: 0, invalid: 0 };
  const times: number[] = [];
  const sets = drawSets(index, randomOf(Number(values.seed)));
  for (const [number, wanted] of sets.entries()) {
    const theirs = apt.install(wanted);
    const before = performance.now();
    const ours = solveOrReason(index, wanted, "none");
    times.push(performance.now() - before);
    const verdict = judge(theirs, ours);
    count[verdict.kind]++;
    const isDue = verdict.text !== "" || number % Number(values["check-every"]) === 0;
    const isValid = typeof ours === "string" || !isDue || apt.accepts(listOf(ours));
    if (!isValid) count.invalid++;
    const text = isValid ? verdict.text : `apt does not accept our result; ${verdict.text}`;
    if (text !== "") console.log(`${index.source} set ${number} [${wanted.join(" ")}]: ${text}`);
  }
  times.sort((a, b) => a - b);
  const pace = `median ${times[times.length >> 1]?.toFixed(0)} ms, slowest ${times.at(-1)?.toFixed(0)} ms`;
  console.log(`${index.source}: ${JSON.stringify(count)} of ${sets.length}, ${pace}`);
  return count.invalid === 0 && count.different <= 0.01 * sets.length;
}

function drawSets(index: PackageIndex, draw: (limit: number) => number): string[][] {
  const names = [...index.names()].sort();
  const any = (): string => names[draw(names.length)] as string;
  const plain = Array.from({ length: Number(values.sets) }, () => Array.from({ length: 1 + draw(8) }, any));
  const clashing: string[][] = [];
  while (clashing.length < Number(values.clashes)) {
    const name = any();
    const excluded = (index.named(name)[0]?.conflicts ?? []).flat().flatMap((relation) => {
      return [...index.named(relation.name), ...index.providersOf(relation.name)].map((item) => item.name);
    });
    const other = excluded.filter((item) => item !== name)[draw(Math.max(1, excluded.length))];
    if (other !== undefined) clashing.push(draw(2) === 0 ? [name, other] : [other, name, any()]);
  }
  return [...plain, ...clashing];
}

interface Verdict {
  readonly kind: "equal" | "refusedByBoth" | "documented" | "different";
  readonly text: string;
}

/** Documented differences: we find what apt's way misses, and leave out what a failed alternative left behind. */
function judge(theirs: readonly string[] | string, ours: Solution | string): Verdict {
  if (typeof theirs === "string" && typeof ours === "string") return { kind: "refusedByBoth", text: "" };
  if (typeof ours === "string") return { kind: "different", text: `only apt finds a solution; ours: ${ours}` };
  if (typeof theirs === "string") return { kind: "documented", text: `only we find a solution, by ${ours.way}` };
  const [mine, apts] = [new Set(listOf(ours)), new Set(theirs)];
  const [less, more] = [theirs.filter((item) => !mine.has(item)), [...mine].filter((item) => !apts.has(item))];
  if (less.length + more.length === 0) return { kind: "equal", text: "" };
  const kind = more.length === 0 ? "documented" : "different";
  return { kind, text: `only apt: ${less.join(" ") || "-"}; only ours: ${more.join(" ") || "-"}` };
}

function compareBase(apt: Apt, index: PackageIndex, base: BaseSet): boolean {
  const ours = solveOrReason(index, [], base);
  const pattern = base === "essential" ? "?essential" : "?or(?essential,?priority(required),?exact-name(apt))";
  const theirs = apt.install(apt.match(pattern));
  const { kind, text } = judge(theirs, ours);
  const size = typeof ours === "string" ? 0 : ours.packages.length;
  console.log(`${index.source} ${base}: ${kind}, ${size} packages ${text}`);
  return kind === "equal";
}

function solveOrReason(index: PackageIndex, packages: readonly string[], base: BaseSet): Solution | string {
  try {
    // apt's own choices: without the documented preference of usr-is-merged
    return solve({ indexes: [index], packages, base, architecture, preferences: [] });
  } catch (error) {
    if (isAshlarError(error, "SOLVER_IMPOSSIBLE")) return error.message;
    throw error;
  }
}

function listOf(solution: Solution): string[] {
  return solution.packages.map(({ package: item }) => `${item.name}=${item.version}`);
}

/** Numbers below `limit` from a seed (mulberry32). */
function randomOf(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return (((bits ^ (bits >>> 14)) >>> 0) * limit) / 2 ** 32 | 0;
  };
}
