// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { AshlarError, isSystemError } from "../base/index.ts";

/** Throws `STORE_CHECKOUT_MOUNT` where something is mounted below a directory, given without symlinks. */
export function verifyNoMounts(dir: string): void {
  const found = listMounts().find((point) => point.startsWith(`${dir}/`));
  if (found === undefined) return;
  const state = `"${found}" is a mount, want it unmounted first`;
  throw new AshlarError("STORE_CHECKOUT_MOUNT", `Cannot update "${dir}": ${state}`, { hint: `run: umount ${found}` });
}

/** The fifth field of each line of mountinfo, with white space and backslashes in octal (proc_pid_mountinfo(5)). */
function listMounts(): string[] {
  try {
    const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return lines.map((line) => (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, code: string) => {
      return String.fromCharCode(Number.parseInt(code, 8));
    }));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}
