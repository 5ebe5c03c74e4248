// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";

import { fixedEnvironment } from "./environment.ts";
import { launchScript } from "./launch-script.ts";

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
  /** How many processors the run may use; absent: all of ours. */
  readonly cpus?: number | undefined;
  /** The command has the caller's terminal, and what it writes cannot be read here. */
  readonly terminal?: boolean;
}

/** A launched run; killing `process` ends everything in it at once. */
export interface Launched {
  readonly process: ChildProcess;
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
  const own = { PATH: fixedEnvironment["PATH"] as string, LC_ALL: "C" };
  const child = spawn(command, args, {
    cwd: options.dir,
    env: { ...own, RUN_FILES: runFiles === undefined ? "" : "1", ...options.parameters },
    stdio: [stdio, stdio, stdio, "pipe", "pipe", "pipe"],
  });
  const [input, stdout, stderr, control, archive, files] = child.stdio as unknown as Streams;
  // What does not read its input is no fault here.
  for (const stream of [input, files]) stream?.on("error", () => undefined);
  files.end(runFiles ?? "");
  const output = [stdout, stderr].filter((stream) => stream !== null);
  return { process: child, input: input ?? undefined, output, control, archive };
}

function launcherArgv({ identity, cpus }: LaunchOptions): string[] {
  const fewer = cpus === undefined ? [] : ["taskset", "--cpu-list", allowedCpus().slice(0, cpus).join(",")];
  // Addresses drawn at random change the order of hash tables, and with it what careless programs write.
  const fixed = isPersonalityAllowed() ? ["setarch", "--addr-no-randomize"] : [];
  const user = identity === "root" ? [] : ["--user", "--map-auto", "--map-root-user"];
  const namespaces = ["--mount", "--pid", "--cgroup", "--fork", "--kill-child"];
  return ["setpriv", "--pdeathsig", "KILL", ...fewer, ...fixed, "unshare", ...user, ...namespaces];
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
