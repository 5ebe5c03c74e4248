// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { SandboxLimits } from "./sandbox.ts";

/** Control groups that bound a run in the kernel, beside the watch. None where we may not make any. */
export interface Cgroups {
  /** The launcher enters these. */
  readonly dirs: readonly string[];
  /** Which bound the kernel refused to pass, or ended a process for. */
  refused(): Refusal | undefined;
  /** When no process is left. */
  remove(): void;
}

export type Refusal = "memory" | "processes";

/** What the bounds of the kernel are above those of the watch, so that the watch sees them passed. */
const sparePids = 32;
const spareBytes = 16 << 20;

interface Setting {
  readonly controller: string;
  /** File names in the two versions. */
  readonly setting?: { readonly v1: string; readonly v2: string; readonly value: string };
}

/** Makes groups for a run of this name; cgroup v1, v2 or both mixed. */
export function makeCgroups(name: string, limits: SandboxLimits): Cgroups {
  const dirs: string[] = [];
  const memoryBytes = `${limits.memoryBytes + spareBytes}`;
  const settings: readonly Setting[] = [
    // One share of the processors for all its processes, so that the watch gets one too.
    { controller: "cpu" },
    {
      controller: "pids",
      setting: { v1: "pids.max", v2: "pids.max", value: `${limits.processes + sparePids}` },
    },
    { controller: "memory", setting: { v1: "memory.limit_in_bytes", v2: "memory.max", value: memoryBytes } },
  ];
  const parents = cgroupParents();
  for (const { controller, setting } of settings) {
    const parent = parents.get(controller);
    if (parent === undefined) continue;
    const dir = join(parent.dir, name);
    if (!dirs.includes(dir)) {
      if (!attempt(() => mkdirSync(dir))) continue;
      dirs.push(dir);
    }
    if (setting !== undefined) {
      attempt(() => writeFileSync(join(dir, parent.version === 1 ? setting.v1 : setting.v2), setting.value));
    }
  }
  return {
    dirs,
    refused: () => dirs.map(refusalIn).find((refusal) => refusal !== undefined),
    remove: () => {
      for (const dir of dirs) attempt(() => rmdirSync(dir));
      for (const parent of new Set(dirs.map(dirname))) removeStale(parent, name);
    },
  };
}

/** Some of it may be forbidden: then the watch alone has to do. */
function attempt(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** What a process left that was killed; only empty groups can be removed. */
function removeStale(parent: string, name: string): void {
  const prefix = name.replace(/-\d+-\d+$/, "");
  attempt(() => {
    for (const one of readdirSync(parent)) {
      const pid = new RegExp(`^${prefix}-(\\d+)-\\d+$`).exec(one)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) attempt(() => rmdirSync(join(parent, one)));
    }
  });
}

function isAlive(pid: number): boolean {
  return attempt(() => process.kill(pid, 0));
}

interface CgroupParent {
  readonly dir: string;
  readonly version: 1 | 2;
}

/** Where groups of a controller can be made: below our own (v1), at the top (v2, where only that may be mixed). */
function cgroupParents(): Map<string, CgroupParent> {
  const parents = new Map<string, CgroupParent>();
  const own = new Map<string, string>();
  for (const line of readLines("/proc/self/cgroup")) {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(",")) own.set(controller, path);
  }
  for (const line of readLines("/proc/self/mountinfo")) {
    const [, root = "", mount = "", type = "", options = ""] = mountPattern.exec(line) ?? [];
    if (type === "cgroup2") {
      const active = readLines(join(mount, "cgroup.subtree_control")).join(" ").split(" ");
      for (const controller of active) parents.set(controller, { dir: mount, version: 2 });
    }
    if (type !== "cgroup") continue;
    for (const controller of options.split(",")) {
      const path = own.get(controller);
      if (path?.startsWith(root === "/" ? "/" : root) !== true) continue;
      parents.set(controller, { dir: join(mount, path.slice(root === "/" ? 0 : root.length)), version: 1 });
    }
  }
  return parents;
}

/** proc_pid_mountinfo(5): id, parent, device, root, mount point, options, "-", type, source, options. */
const mountPattern = /^\d+ \d+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/;

function refusalIn(dir: string): Refusal | undefined {
  if (counter(dir, "pids.events", "max") > 0) return "processes";
  const kills = counter(dir, "memory.events", "oom_kill") + counter(dir, "memory.oom_control", "oom_kill");
  return kills > 0 ? "memory" : undefined;
}

function counter(dir: string, file: string, name: string): number {
  const line = readLines(join(dir, file)).find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** The name of the groups of a run's directory. */
export function cgroupName(dir: string): string {
  return `ashlar-${basename(dir)}`;
}
