// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import type { TestContext } from "node:test";

/** Runs a program of the system that tests compare with; bytes in, bytes out. */
export function run(program: string, args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync(program, args, {
    maxBuffer: 1 << 30,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
    ...(input === undefined ? {} : { input }),
  });
}

/** Tells whether a test may go on; skips it where a program is missing, except in CI, where it then fails. */
export function hasPrograms(t: TestContext, ...programs: string[]): boolean {
  for (const program of programs) {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    } catch {
      if (process.env["CI"] !== undefined) throw new Error(`needs ${program}`);
      t.skip(`needs ${program}`);
      return false;
    }
  }
  return true;
}
