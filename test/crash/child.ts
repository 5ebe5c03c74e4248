// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const root = join(import.meta.dirname, "../..");

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Commands in front of Node. */
  readonly wrapper?: readonly string[];
}

/** Starts a script of this repository as a process of its own. */
export function startScript(path: string, args: readonly string[], options: ChildOptions = {}): Running {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", join(root, path)];
  return startProgram([...(options.wrapper ?? []), ...node, ...args], options);
}

/** Starts a command. */
export function startProgram([command = "", ...rest]: readonly string[], options: ChildOptions = {}): Running {
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", ...options.env };
  const child = spawn(command, rest, { env, cwd: options.cwd, stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<Pick<Ended, "status" | "signal">>((resolve, reject) => {
    child.on("error", reject).on("close", (status, signal) => resolve({ status, signal }));
  });
  const ended = Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { process: child, ended: ended.then(([how, out, err]) => ({ ...how, out, err })) };
}

/** Starts the command line from the sources. */
export function startAshlar(args: readonly string[], options: ChildOptions = {}): Running {
  return startScript("src/cli/main.ts", args, options);
}
