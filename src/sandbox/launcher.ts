// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";

import { isSystemError } from "../base/index.ts";
import { fixedEnvironment } from "./environment.ts";
import { launchScript } from "./launch-script.ts";
import { coverInherited, openFilesMax } from "./open-files.ts";
import { childrenOf } from "./usage.ts";

export type Identity = "root" | "rootless";

export interface LaunchOptions {
  /** The run's directory, the working directory of the script. */
  readonly dir: string;
  readonly identity: Identity;
  /** The script's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  /** What to capture, for tar. */
  readonly captures: readonly string[];
  readonly argv: readonly string[];
  /** A tar of what lies in /run; in memory only. */
  readonly runFiles?: Uint8Array | undefined;
  /** Directories of control groups to enter. */
  readonly cgroups?: readonly string[];
  /** How many processors the run may use; absent: all of ours. */
  readonly cpus?: number | undefined;
  /** The option of disorderfs for an order of directories; absent: theirs. */
  readonly directoryOrder?: string | undefined;
  /** The command has the caller's terminal, and what it writes cannot be read here. */
  readonly terminal?: boolean;
}

export interface Launched {
  /** Ends when nothing of the run is left. */
  readonly process: ChildProcess;
  /** Ends everything in it. */
  kill(): void;
  readonly input: Writable | undefined;
  readonly output: readonly Readable[];
  readonly control: Readable;
  readonly archive: Readable;
}

type Streams = [Writable | null, Readable | null, Readable | null, Readable, Readable, Writable];

/**
 * Starts the script as the first process of new namespaces of mounts and processes. The kernel ends it with all
 * its descendants and mounts when this process ends (`--pdeathsig`) or the launcher does (`--kill-child`).
 */
export function launch(options: LaunchOptions): Launched {
  const { captures, runFiles } = options;
  const script = ["sh", "-c", launchScript, "sandbox", `${captures.length}`, ...captures, ...options.argv];
  const argv: readonly string[] = [...launcherArgv(options), ...script];
  const [command, ...args] = argv as [string, ...string[]];
  const stdio = options.terminal === true ? "inherit" : "pipe";
  const own = { PATH: fixedEnvironment["PATH"] as string, LC_ALL: "C", OPEN_FILES: `${openFilesMax()}` };
  const child = spawn(command, args, {
    cwd: options.dir,
    // A session of its own: one share of the processors for all of it, and no signals from the terminal's keys.
    detached: options.terminal !== true,
    env: {
      ...own,
      RUN_FILES: runFiles === undefined ? "" : "1",
      DIRECTORY_ORDER: options.directoryOrder ?? "",
      ...options.parameters,
    },
    stdio: [stdio, stdio, stdio, "pipe", "pipe", "pipe", ...coverInherited(6)],
  });
  const [input, stdout, stderr, control, archive, files] = child.stdio as unknown as Streams;
  // What does not read its input is no fault here.
  for (const stream of [input, files]) stream?.on("error", () => undefined);
  files.end(runFiles ?? "");
  const output = [stdout, stderr].filter((stream) => stream !== null);
  return { process: child, kill: () => killRun(child), input: input ?? undefined, output, control, archive };
}

const killAgainMs = 20;
/** After so many times without a first process the launcher itself is stuck. */
const killTimesMax = 100;

/**
 * Kills the first process of the namespace, which the kernel lets end only after all others there. The launcher
 * waits for it, so that who waits for the launcher knows that nothing is left. Again until it has ended: a
 * launcher that is only starting has another child for a moment, or none; and to kill it while it forks would set
 * its child free, which asks to end with it only a moment later.
 */
function killRun(child: ChildProcess, times = 0): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const first = childrenOf(child.pid)[0];
  if (first !== undefined) killOne(first);
  else if (times >= killTimesMax) {
    // With its helper for sub-ids, which waits for it; without a session of its own there is no such group.
    killOne(-child.pid);
    child.kill("SIGKILL");
  }
  setTimeout(() => killRun(child, times + 1), killAgainMs);
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!isSystemError(error, "ESRCH")) throw error;
  }
}

/** Enters control groups before the namespace of them is made, whose top is then ours. */
const enterScript =
  'n=$1; shift; while [ "$n" -gt 0 ]; do { echo $$ >"$1/cgroup.procs"; } 2>/dev/null; shift; n=$((n - 1)); done; ' +
  'exec "$@"';

function launcherArgv({ identity, cpus, cgroups = [] }: LaunchOptions): string[] {
  const fewer = cpus === undefined ? [] : ["taskset", "--cpu-list", allowedCpus().slice(0, cpus).join(",")];
  // Addresses drawn at random change the order of hash tables, and with it what careless programs write.
  const fixed = isPersonalityAllowed() ? ["setarch", "--addr-no-randomize"] : [];
  const user = identity === "root" ? [] : ["--user", "--map-auto", "--map-root-user"];
  const namespaces = ["--mount", "--pid", "--cgroup", "--fork", "--kill-child"];
  const enter =
    cgroups.length === 0 ? [] : ["sh", "-c", enterScript, "enter", `${cgroups.length}`, ...cgroups];
  return ["setpriv", "--pdeathsig", "KILL", ...enter, ...fewer, ...fixed, "unshare", ...user, ...namespaces];
}

/** The processors that we may use ourselves. */
function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

let personalityAllowed: boolean | undefined;

/** Some containers forbid personality(2). */
function isPersonalityAllowed(): boolean {
  personalityAllowed ??=
    spawnSync("setarch", ["--addr-no-randomize", "true"], { stdio: "ignore" }).status === 0;
  return personalityAllowed;
}
