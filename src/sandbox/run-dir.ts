// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";
import { bwrapArgs } from "./bwrap-args.ts";
import { mountPoints } from "./environment.ts";
import { ociConfig, type ProcessPlan } from "./oci-config.ts";
import type { SandboxBackend } from "./sandbox.ts";
import { compileSeccomp, ociSeccomp } from "./seccomp.ts";

let runCount = 0;

/** Makes a run's private directory, with what the launcher expects in it. */
export function makeRunDir(tmpDir: string): string {
  const dir = makeDir(tmpDir);
  for (const name of ["near", "upper", "work", "root", "state", "points"])
    mkdirSync(join(dir, name), { mode: 0o755 });
  // The lowest layer, so that mounting onto these never makes an entry of the upper one.
  for (const name of mountPoints) mkdirSync(join(dir, "points", name), { mode: 0o755 });
  // The overlay's root has the mode of this one, whatever our umask is.
  chmodSync(join(dir, "upper"), 0o755);
  return dir;
}

function makeDir(tmpDir: string): string {
  for (;;) {
    const dir = join(tmpDir, `sandbox-${process.pid}-${runCount++}`);
    try {
      mkdirSync(dir, { mode: 0o700 });
      return dir;
    } catch (error) {
      // Left over by a dead process of the same number.
      if (!isSystemError(error, "EEXIST")) throw error;
    }
  }
}

/** Writes what the backend reads. */
export function writeBackendFiles(dir: string, backend: SandboxBackend, plan: ProcessPlan): void {
  if (backend === "bwrap") {
    writeFileSync(join(dir, "seccomp.bpf"), compileSeccomp(process.arch));
    writeFileSync(join(dir, "bwrap.args"), bwrapArgs(plan), { mode: 0o600 });
  } else {
    const config = JSON.stringify(ociConfig(plan, ociSeccomp(process.arch)));
    writeFileSync(join(dir, "config.json"), config, { mode: 0o600 });
  }
}
