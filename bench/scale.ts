// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

import { copyStore, measureAll, type Rig, type Row, runScript } from "./scale/measures.ts";
import { showScale } from "./scale/show.ts";
import { openWorkshop } from "./workshop.ts";

/**
 * `sh tools/run bench/scale.ts --store DIR [--images 2000] [--contents 5000000] [--area DIR] [--runs 3]`: fills a store
 * with images and measures on the way what one more costs; writes its section of docs/benchmarks.md and
 * docs/scale.svg. It goes on where it was cut off; `--show` only writes what was measured. The store stays.
 */
const { values } = parseArgs({
  options: {
    store: { type: "string" },
    images: { type: "string", default: "2000" },
    contents: { type: "string", default: "5000000" },
    area: { type: "string" },
    runs: { type: "string", default: "3" },
    show: { type: "boolean", default: false },
  },
});

const steps = [0, 1, 10, 100, 500, 1000, 2000];

function main(store: string, images: number, contents: number): void {
  const file = `${store}.json`;
  const rows: Row[] = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Row[]) : [];
  if (!values.show) {
    const area = values.area ?? `${store}-area`;
    mkdirSync(area, { recursive: true });
    mkdirSync(dirname(store), { recursive: true });
    const workshop = openWorkshop(area, Number(values.runs));
    for (const spec of ["r1", "r2", "r3", "r4"]) workshop.spec(spec);
    if (!existsSync(join(store, "format"))) copyStore(workshop.warmStore, store);
    const rig: Rig = { workshop, store, changedCount: Math.ceil(contents / images), runs: Number(values.runs) };
    let made = rows.at(-1)?.images ?? 0;
    for (const step of steps.filter((step) => step <= images && !rows.some((row) => row.images === step))) {
      runScript("fill.ts", store, String(made + 1), String(step + 1), String(rig.changedCount));
      made = step;
      rows.push(measureAll(rig, step));
      writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
    }
  }
  showScale(rows);
}

if (values.store === undefined) throw new Error("--store DIR is needed");
main(values.store, Number(values.images), Number(values.contents));
