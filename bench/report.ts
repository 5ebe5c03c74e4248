// SPDX-License-Identifier: Apache-2.0
import { cpus } from "node:os";

import { writeBeginning, writeSection } from "./page.ts";

/** One line of the table: what was measured, ours, the peer's, and the budget with what came of it. */
export interface Row {
  readonly work: string;
  readonly ours: string;
  readonly peer: string;
  readonly budget: string;
  readonly met: boolean;
}

const intro = `# Benchmarks

Each row is ours and its peer in turn in one run, medians; CPU is user and system time of the whole process tree.
The machine of such a run is small and shared: trust ratios before seconds. Made by
\`npm run bench\`, which writes this page; sections below name the scripts that write them.

R1 is minbase, R2 is R1 with nginx, curl and ca-certificates, R3 is R1 with python3, python3-venv and git;
bookworm, amd64, \`install: unpack\`; "with scripts" is \`install: full\`.
`;

const notes = `
- **Checkout**: a profile shows the kernel making symbolic links (more than half), then directories, then the start of
  Node. \`cp -al\` links symbolic links too, we make each anew; to keep them among the store's links is the next step.
- **Memory**: the peak is where two threads unpack the two largest packages at a time.
- **Cold build with scripts**: of some 14 s CPU, unpacking, compressing and hashing take 5.4, dpkg with
  the scripts 3.2, and making a root of some 7,000 names for them nearly 4: this file system takes 0.3 ms for a new
  inode. A third of mmdebstrap is less than unpacking alone; what is remembered afterwards is where the time is won.
- \`dpkg-deb -x\` spends most of its time in the file system, which varies on such a machine: it took 2.0 to 6.3 s.
`;

/** Prints the table, and writes it to docs/benchmarks.md when it is whole. */
export function writeTable(
  rows: readonly Row[],
  { write, runs }: { readonly write: boolean; readonly runs: number },
): void {
  const lines = rows.map(
    (row) => `| ${row.work} | ${row.ours} | ${row.peer} | ${row.budget} | ${row.met ? "yes" : "**no**"} |`,
  );
  const table = ["| work | Ashlar | peer | budget | met |", "|---|---|---|---|---|", ...lines].join("\n");
  const processors = `${cpus().length} processors (${cpus()[0]?.model.trim()})`;
  const machine = `${processors}, ${runs} runs, Node ${process.versions.node}.`;
  console.log(table);
  if (!write) return;
  writeBeginning(`${intro}\n${machine}\n\n${table}`);
  writeSection("What falls short, and why", notes);
}

/** Seconds of wall and processor as a cell. */
export function showRun(run: { readonly wallSeconds: number; readonly cpuSeconds: number }): string {
  return `${run.wallSeconds.toFixed(2)} s wall, ${run.cpuSeconds.toFixed(2)} s CPU`;
}

export function showMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
