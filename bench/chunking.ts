// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { compareOrdinal, limits } from "../src/base/index.ts";
import { loadCompressor } from "../src/formats/index.ts";
import { deltaBytes } from "./chunking/delta.ts";
import { type Cutter, fastCdc } from "./chunking/fast-cdc.ts";
import { type ChunkForm, measurePair } from "./chunking/measure-pair.ts";
import { readPairs } from "./chunking/read-package.ts";
import { type MeasuredPair, printForms, printPairs, printRule } from "./chunking/report.ts";
import { rollsum } from "./chunking/rollsum.ts";

/** The first form is what a client does today, the second one is what all others are compared with. */
const forms: readonly ChunkForm[] = [
  { name: "whole", cut: fixed(limits.frameBytesMax), reuses: false },
  { name: "4 MiB", cut: fixed(limits.frameBytesMax), reuses: true },
  { name: "FastCDC 16 KiB", cut: fastCdc(14), reuses: true },
  { name: "FastCDC 64 KiB", cut: fastCdc(16), reuses: true },
  { name: "FastCDC 128 KiB", cut: fastCdc(17), reuses: true },
  { name: "FastCDC 256 KiB", cut: fastCdc(18), reuses: true },
  { name: "FastCDC 512 KiB", cut: fastCdc(19), reuses: true },
  { name: "rollsum 64 KiB", cut: rollsum(16), reuses: true },
  { name: "fixed 1 MiB", cut: fixed(1 << 20), reuses: true },
  { name: "fixed 256 KiB", cut: fixed(1 << 18), reuses: true },
];

/**
 * Measures what cutting large files by content saves in updates of packages: `sh tools/run bench/chunking.ts DIR`.
 * DIR has a directory for each set with `old/NAME_*.deb` and `new/NAME_*.deb`. Needs dpkg-deb and zstd.
 */
async function main(dir: string): Promise<void> {
  const compressor = await loadCompressor();
  const sets = new Map<string, MeasuredPair[]>();
  for (const set of readdirSync(dir).sort(compareOrdinal)) {
    const measured: MeasuredPair[] = [];
    for (const pair of readPairs(join(dir, set))) {
      const { name, versions } = pair;
      console.error(`measure ${set} ${name}`);
      measured.push({ name, versions, costs: measurePair(pair, forms, compressor), deltaBytes: deltaBytes(pair) });
    }
    sets.set(set, measured);
  }
  for (const [set, measured] of sets) printPairs(set, measured, forms);
  for (const [set, measured] of sets) printForms(set, measured, forms);
  const updates = ["server", "desktop"].map((set) => sets.get(set) ?? []);
  printRule("server", updates[0] ?? [], forms);
  printRule("server and desktop", updates.flat(), forms);
}

function fixed(sizeBytes: number): Cutter {
  return function* cut(bytes) {
    for (let end = sizeBytes; end < bytes.length; end += sizeBytes) yield end;
    yield bytes.length;
  };
}

const dir = process.argv[2];
if (dir === undefined) throw new Error("usage: sh tools/run bench/chunking.ts DIR");
await main(dir);
