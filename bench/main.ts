// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { buildRows } from "./build-rows.ts";
import { fullMissing, fullRows } from "./full-rows.ts";
import { type Row, writeTable } from "./report.ts";
import { storeRows } from "./store-rows.ts";
import { openWorkshop } from "./workshop.ts";

/**
 * `npm run bench [-- --runs 5] [--only WORD]`: measures the rows of the budget, each beside its peer in the same
 * run, and writes docs/benchmarks.md. Needs the network once, GNU time, dpkg-deb, tar and zstd; peers that
 * are not installed are left out and named.
 */
async function main(): Promise<void> {
  const runs = Number(option("--runs") ?? 5);
  const only = option("--only");
  const dir = mkdtempSync(join(tmpdir(), "ashlar-bench-"));
  try {
    const workshop = openWorkshop(dir, runs);
    const rows: Row[] = [];
    const without = fullMissing();
    if (without !== undefined) console.error(`rows of packages with scripts are left out: ${without}`);
    for (const make of [...buildRows, ...(without === undefined ? fullRows : []), ...storeRows]) {
      if (only !== undefined && !make.name.includes(only)) continue;
      console.error(`measure ${make.name}`);
      rows.push(make(workshop));
    }
    writeTable(rows, { write: only === undefined, runs });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

await main();
