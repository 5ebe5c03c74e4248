// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";

import { fixedEnvironment, fixedHostName } from "./environment.ts";
import { openFilesMax } from "./open-files.ts";
import type { ProcessPlan } from "./oci-config.ts";
import type { SandboxCommand } from "./sandbox.ts";

export interface PlanOptions {
  readonly hostName?: string | undefined;
  /** Variables that the sandbox itself needs: an emulator's, a moved clock's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly user?:
    { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
  readonly terminal?: ProcessPlan["terminal"];
}

/** Settings of the kernel, which even a root without capabilities could write. */
const readonlyNames = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
/** What tells of the host's hardware and memory. */
const maskedNames = ["acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi"];
const maskedMore = ["timer_list", "timer_stats"];

/** What the first process of a run is, for any backend. */
export function planProcess(command: SandboxCommand, options: PlanOptions): ProcessPlan {
  const { uid, gid, groups } = options.user ?? { uid: 0, gid: 0, groups: [] };
  return {
    argv: command.argv,
    env: { ...fixedEnvironment, ...options.env, ...command.env },
    cwd: command.cwd ?? "/",
    hostName: options.hostName ?? fixedHostName,
    ...{ uid, gid, groups },
    terminal: options.terminal,
    openFilesMax: openFilesMax(),
    readonlyPaths: readonlyNames.filter((name) => kindOf(name) !== undefined).map((name) => `/proc/${name}`),
    maskedPaths: [...maskedNames, ...maskedMore].flatMap((name) => {
      const kind = kindOf(name);
      return kind === undefined ? [] : [{ path: `/proc/${name}`, kind }];
    }),
  };
}

function kindOf(name: string): "file" | "dir" | undefined {
  const stats = statSync(`/proc/${name}`, { throwIfNoEntry: false });
  return stats === undefined ? undefined : stats.isDirectory() ? "dir" : "file";
}
