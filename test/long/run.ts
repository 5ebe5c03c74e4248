// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";

/** Runs a command to its end, in the C locale. */
export function run(
  command: string,
  args: readonly string[],
  cwd?: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const env = { ...process.env, LC_ALL: "C" };
  return spawnSync(command, args, { encoding: "utf8", env, maxBuffer: 1 << 28, ...(cwd === undefined ? {} : { cwd }) });
}
