// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One run of a whole process tree, by the operating system's own account (GNU time). */
export interface Run {
  readonly wallSeconds: number;
  /** User and system time of the process and all its children. */
  readonly cpuSeconds: number;
  /** Of the largest single process. */
  readonly peakBytes: number;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Runs before each measured run, not counted. */
  readonly prepare?: () => void;
  /** `runBeside` ends it then, and counts what it took until then. */
  readonly patienceSeconds?: number;
}

/** Runs a command once. Throws when it fails. */
export function runOnce(command: Command): Run {
  command.prepare?.();
  using report = openReport();
  const done = spawnSync("/usr/bin/time", report.args(command), { env: envOf(command), maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(`${command.name} failed: ${done.stderr}`);
  return report.read();
}

/** The same while this process goes on, with servers that the command asks. */
export async function runBeside(command: Command): Promise<Run> {
  command.prepare?.();
  using report = openReport();
  const child = spawn("/usr/bin/time", report.args(command), {
    env: envOf(command),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  const [status] = (await once(child, "close")) as [number | null];
  const tooLong = command.patienceSeconds !== undefined && statusesOfTimeout.includes(status ?? 0);
  if (status !== 0 && !tooLong) throw new Error(`${command.name} failed: ${said.join("").slice(-4000)}`);
  return report.read();
}

/** Ended, and killed because it would not end. */
const statusesOfTimeout = [124, 137];

const envOf = (command: Command): NodeJS.ProcessEnv => ({ ...process.env, ...command.env });

interface Report extends Disposable {
  args(command: Command): string[];
  read(): Run;
}

/** The file that GNU time writes its account to. */
function openReport(): Report {
  const dir = mkdtempSync(join(tmpdir(), "ashlar-bench-"));
  const report = join(dir, "time");
  return {
    args({ argv, patienceSeconds }) {
      const patience = patienceSeconds === undefined ? [] : ["timeout", "--kill-after=5", String(patienceSeconds)];
      return ["-o", report, "-f", "%e %U %S %M", ...patience, ...argv];
    },
    read() {
      const line = readFileSync(report, "utf8").trim().split("\n").at(-1) as string;
      const [wall, user, system, kib] = line.split(" ").map(Number) as [number, number, number, number];
      return { wallSeconds: wall, cpuSeconds: user + system, peakBytes: kib * 1024 };
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  };
}

/** The middle of several runs, figure by figure. */
export interface Figures extends Run {
  readonly runs: number;
}

/** Runs several commands in turn, A B C A B C, so that a slow phase of the machine meets all of them. */
export function compare(commands: readonly Command[], runs: number): Figures[] {
  const results = commands.map((): Run[] => []);
  for (const command of commands) runOnce(command);
  for (let i = 0; i < runs; i++) commands.forEach((command, k) => results[k]?.push(runOnce(command)));
  return results.map(middle);
}

/** The middle of each figure. */
export function middle(runs: readonly Run[]): Figures {
  const of = (pick: (run: Run) => number): number => {
    const sorted = runs.map(pick).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] as number;
  };
  return {
    runs: runs.length,
    wallSeconds: of((run) => run.wallSeconds),
    cpuSeconds: of((run) => run.cpuSeconds),
    peakBytes: of((run) => run.peakBytes),
  };
}
