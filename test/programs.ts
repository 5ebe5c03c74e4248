// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** How a program ended. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end in the C locale, for at most five minutes. */
export function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Ended {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", ...env },
    maxBuffer: 1 << 28,
    timeout: 300_000,
    killSignal: "SIGKILL",
  });
  return { status, out: stdout ?? "", err: error === undefined ? stderr : `${error.message}\n${stderr ?? ""}` };
}

/** The same; the program must end well. Returns what it printed. */
export function must(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, out, err } = run(command, args, env);
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${out}${err}`);
  return out;
}

/** Runs Ashlar from the sources, with a store of the test's own and a lock it may make: not as in CI. */
export function ashlar(store: string, args: readonly string[]): Ended {
  const node = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts"), ...args];
  return run(process.execPath, [...node, `--store=${store}`], { CI: "" });
}

/**
 * Why a test that needs these Debian programs cannot run, for `skip`; false when it can.
 * In CI it always runs, and fails where a program is missing.
 */
export function missing(programs: readonly string[], asRoot = true): string | false {
  if (process.env["CI"]) return false;
  if (asRoot && process.getuid?.() !== 0) return "needs root";
  const absent = programs.filter((name) => run("sh", ["-c", `command -v ${name}`]).status !== 0);
  return absent.length > 0 && `needs ${absent.join(", ")}`;
}
