// SPDX-License-Identifier: Apache-2.0
import type { SandboxLimits } from "./sandbox.ts";

/** Bounds for what a build runs; an hour, 4 GiB of memory, 20 GiB on disk. */
export const defaultLimits: SandboxLimits = {
  seconds: 3600,
  memoryBytes: 4 * 2 ** 30,
  processes: 4096,
  diskBytes: 20 * 2 ** 30,
  outputBytes: 64 * 2 ** 20,
};

/** A bound that was passed. */
export interface Excess {
  readonly reason: "TIMEOUT" | "MEMORY" | "PROCESSES" | "DISK" | "OUTPUT";
  readonly fault: string;
  readonly hint: string;
}

/** What a run uses at one moment. */
export interface Usage {
  readonly seconds: number;
  readonly memoryBytes: number;
  readonly processes: number;
  readonly diskBytes: number;
  readonly outputBytes: number;
}

/** The first bound that `usage` passes. */
export function excessOf(usage: Usage, limits: SandboxLimits): Excess | undefined {
  if (usage.outputBytes > limits.outputBytes) {
    return excess("OUTPUT", `wrote more than ${showBytes(limits.outputBytes)} of output`, "outputBytes");
  }
  if (usage.processes > limits.processes) {
    return excess("PROCESSES", `had more than ${limits.processes} processes`, "processes");
  }
  if (usage.memoryBytes > limits.memoryBytes) {
    return excess("MEMORY", `took more than ${showBytes(limits.memoryBytes)} of memory`, "memoryBytes");
  }
  if (usage.diskBytes > limits.diskBytes) {
    return excess("DISK", `wrote more than ${showBytes(limits.diskBytes)} to disk`, "diskBytes");
  }
  if (usage.seconds > limits.seconds)
    return excess("TIMEOUT", `took more than ${limits.seconds} s`, "seconds");
  return undefined;
}

const hints = {
  outputBytes: "write it to a file, or less of it",
  processes: "start fewer at a time, e.g. with $JOBS, or raise its limit of processes",
  memoryBytes: "raise its `memory`, or start fewer processes at a time",
  diskBytes: "write less, or raise its limit of disk space",
  seconds: "raise its `timeout`",
} as const;

function excess(reason: Excess["reason"], did: string, limit: keyof typeof hints): Excess {
  return { reason, fault: `it ${did}, which is its limit`, hint: hints[limit] };
}

/** e.g. "4 GiB", "1.5 MiB". */
export function showBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}
