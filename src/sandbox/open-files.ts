// SPDX-License-Identifier: Apache-2.0
import { openSync, readdirSync, readFileSync } from "node:fs";

/** Open files of a process, until it raises the limit itself. */
export const openFiles = 1024;

/** What it may raise the limit to: Debian's own, where we have as many. */
export function openFilesMax(): number {
  const own = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Math.min(524_288, Number(own ?? 524_288));
}

/** O_CLOEXEC, in the octal digits of /proc/self/fdinfo. */
const closeOnExec = 0o2000000;
let nothing: number | undefined;

/**
 * What a child gets at the descriptors from `first` on, for `spawn`: nothing of ours. Whoever started us may have
 * left descriptors open for all its descendants; one of a directory would lead out of any root. Node cannot close
 * them, so they become /dev/null.
 */
export function coverInherited(first: number): ("ignore" | number)[] {
  const leaked = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd >= first && isInherited(fd));
  const stdio: ("ignore" | number)[] = [];
  for (const fd of leaked) {
    nothing ??= openSync("/dev/null", "r+");
    stdio[fd - first] = nothing;
  }
  return Array.from(stdio, (one) => one ?? "ignore");
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s+0?(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    // That of the listing itself.
    return false;
  }
}
