// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { checkImports } from "./check-imports.ts";
import { checkTidy } from "./tidy.ts";

const root = join(import.meta.dirname, "..");

/** Runs the checks that need no test runner: types, import order, tidiness. Exits 1 when one fails. */
function main(): void {
  const types = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", root], {
    stdio: "inherit",
  });
  const faults = [...checkImports(root), ...checkTidy(root)];
  for (const fault of faults) console.error(fault);
  console.log(`types ${types.status === 0 ? "ok" : "FAILED"}; house rules: ${faults.length} faults`);
  process.exitCode = types.status === 0 && faults.length === 0 ? 0 : 1;
}

main();
