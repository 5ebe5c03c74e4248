// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { CircumstancesWatch } from "../src/cli/check-sandbox.ts";
import { openSandbox, type Sandbox } from "../src/sandbox/index.ts";
import { popularPackages } from "./popular-packages.ts";
import { type SurveyResult, surveyPackage } from "./survey-install.ts";
import { openSurvey, type SurveyPlace } from "./survey-place.ts";
import { surveyTable } from "./survey-report.ts";

/**
 * `sh tools/run bench/survey.ts --count N [--from K] [--only NAME,NAME] [--out FILE] [--store DIR] [--jobs 2]`:
 * installs each of the N most installed packages of Debian (from the K-th on, counted from 0) alone in full on the
 * Essential base, twice under other circumstances, and says which come out as one digest. Results are appended to
 * FILE, one JSON object a line, and packages that it has are not done again. Needs a sandbox, apt and the archive.
 */
const suite = "bookworm";
const count = Number(option("--count") ?? 20);
const from = Number(option("--from") ?? 0);
const jobs = Number(option("--jobs") ?? 2);
const out = resolve(option("--out") ?? "survey.jsonl");
/** Candidates beyond those asked for: the base has some of them already. */
const spare = 120;

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

async function main(dir: string): Promise<void> {
  const only = option("--only")?.split(",");
  const candidates = only ?? popularPackages(suite, dir).slice(0, from + count + spare);
  const storeDir = resolve(option("--store") ?? join(dir, "store"));
  const place = await openSurvey(candidates, { dir: join(dir, "spec"), storeDir, suite, base: "essential" });
  let sandbox: Sandbox | undefined;
  const watch = new CircumstancesWatch();
  const open = (): Sandbox => (sandbox ??= watch.over(openSandbox({ store: place.store })));
  try {
    const outside = candidates.filter((name) => place.impossible.has(name) || place.versionOf(name) !== undefined);
    const chosen = only === undefined ? outside.slice(from, from + count) : outside;
    await surveyAll(chosen, place, open);
    if (watch.seen !== undefined) console.error(`the second run saw ${JSON.stringify(watch.seen.varied)}`);
    const known = readResults();
    console.log(surveyTable(chosen.flatMap((name) => known.get(name) ?? [])));
  } finally {
    await place.close();
  }
}

async function surveyAll(names: readonly string[], place: SurveyPlace, sandbox: () => Sandbox): Promise<void> {
  const known = readResults();
  const waiting = names.filter((name) => !known.has(name));
  let done = names.length - waiting.length;
  const one = async (name: string): Promise<void> => {
    const result = await surveyPackage(name, { place, sandbox });
    appendFileSync(out, `${JSON.stringify(result)}\n`);
    const more = result.error?.code ?? result.differences?.map(({ path }) => path).join(" ") ?? "";
    console.error(`${++done}/${names.length} ${name}: ${result.outcome} ${more} (${result.seconds} s)`);
  };
  const [first, ...rest] = waiting;
  // The first alone: it makes the base that all share.
  if (first !== undefined) await one(first);
  const work = async (): Promise<void> => {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) await one(name);
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

/** By name; the last of a package counts. */
function readResults(): ReadonlyMap<string, SurveyResult> {
  if (!existsSync(out)) return new Map();
  const lines = readFileSync(out, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const results = lines.map((line) => JSON.parse(line) as SurveyResult);
  return new Map(results.map((result) => [result.package, result]));
}

const dir = mkdtempSync(join(tmpdir(), "ashlar-survey-"));
try {
  await main(dir);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
