// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
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
}

/** A launched run; killing `process` ends everything in it at once. */
export interface Launched {
  readonly process: ChildProcess;
  readonly input: Writable;
  readonly output: readonly Readable[];
  readonly control: Readable;
  readonly archive: Readable;
}

/**
 * Starts the script as the first process of new namespaces of mounts and processes. The kernel ends it with all
 * its descendants and mounts when this process ends (`--pdeathsig`) or the launcher does (`--kill-child`).
 */
export function launch(options: LaunchOptions): Launched {
  const argv = [...launcherArgv(options.identity), "sh", "-c", launchScript, "sandbox", ...options.captures];
  const [command, ...args] = argv as [string, ...string[]];
  const child = spawn(command, args, {
    cwd: options.dir,
    env: { PATH: fixedEnvironment["PATH"] as string, LC_ALL: "C", ...options.parameters },
    stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
  });
  const [input, stdout, stderr, control, archive] = child.stdio as [
    Writable,
    Readable,
    Readable,
    Readable,
    Readable,
  ];
  // A command that does not read its input is no fault.
  input.on("error", () => undefined);
  return { process: child, input, output: [stdout, stderr], control, archive };
}

/** Also used to do something as the users of a run, such as removing what they left. */
export function launcherArgv(identity: Identity): string[] {
  const user = identity === "root" ? [] : ["--user", "--map-auto", "--map-root-user"];
  const namespaces = ["--mount", "--pid", "--cgroup", "--fork", "--kill-child"];
  return ["setpriv", "--pdeathsig", "KILL", "unshare", ...user, ...namespaces];
}
