// SPDX-License-Identifier: Apache-2.0
/**
 * The process that dies: `victim.ts BASE LIFE` runs the steps of a life in BASE and tells on stdout, line by line, how
 * each of them ended. All modules are loaded before the first.
 */
import { globSync, writeSync } from "node:fs";
import { join } from "node:path";

import { lives } from "./lives.ts";
import { runStep } from "./run-step.ts";

/** Loads the verbs, which the command line would load when they are run. */
async function loadVerbs(): Promise<void> {
  const verbs = join(import.meta.dirname, "../../src/cli/verbs");
  for (const file of globSync("*.ts", { cwd: verbs }).sort()) await import(join(verbs, file));
}

const [base = "", name = ""] = process.argv.slice(2);
await loadVerbs();
const life = lives.find((one) => one.name === name);
if (life === undefined) throw new Error(`no life "${name}"`);
writeSync(1, "ready\n");
for (const step of life.steps) {
  const ended = await runStep(base, step);
  writeSync(1, `${JSON.stringify(ended)}\n`);
  if (ended.status !== 0) break;
}
