// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";

/** Tells whether a tool is here; if not, skips the test, but fails it in CI, which installs the tools. */
export function hasTool(t: TestContext, name: string): boolean {
  if (spawnSync(name, ["--version"]).error === undefined) return true;
  if (process.env["CI"] !== undefined) throw new Error(`needs ${name}, and CI must have it`);
  t.skip(`needs ${name}`);
  return false;
}

/** Runs a tool to success and returns what it printed. */
export function runTool(name: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: "utf8" });
  if (status === 0) return stdout;
  throw new Error(`${name} ${args.join(" ")}: ${error?.message ?? `status ${status}`}\n${stderr}`);
}
