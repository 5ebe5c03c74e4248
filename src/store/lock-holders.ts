// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";

import { isSystemError } from "../base/index.ts";

/**
 * Says who holds a lock file, as the kernel knows it: "process 123 (node main.ts build)". None where nobody of those
 * does whom this process can see: they may be another user's, or in another container. For messages only.
 */
export function lockHolders(path: string): string[] {
  try {
    const { ino } = statSync(path, { bigint: true });
    return parseLocks(readFileSync("/proc/locks", "latin1"), ino).map((pid) => `process ${pid}${commandOf(pid)}`);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES", "EPERM")) return [];
    throw error;
  }
}

/** The processes that hold a POSIX lock on an inode, each once (proc_locks(5)); who waits for one has "->" in front. */
export function parseLocks(text: string, inode: bigint): number[] {
  const pids = new Set<number>();
  for (const line of text.split("\n")) {
    const match = /^\d+: POSIX +\w+ +\w+ +(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line);
    if (match !== null && match[2] === String(inode)) pids.add(Number(match[1]));
  }
  return [...pids].sort((a, b) => a - b);
}

const wordsMax = 4;

/** The program and the first words of its command, without options and directories. */
function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const shown = words.filter((word) => word !== "" && !word.startsWith("-")).slice(0, wordsMax);
    return shown.length === 0 ? "" : ` (${shown.map((word) => basename(word)).join(" ")})`;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES", "EPERM", "ESRCH")) return "";
    throw error;
  }
}
