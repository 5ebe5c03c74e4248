// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { isSystemError } from "../base/index.ts";
import { fixedEnvironment, mountPoints } from "./environment.ts";
import { type Identity, launcherArgv } from "./launcher.ts";

let runCount = 0;

/** Makes a run's private directory, with what the launcher expects in it. */
export function makeRunDir(tmpDir: string): string {
  const dir = makeDir(tmpDir);
  for (const name of ["near", "upper", "work", "root", "state", "points"])
    mkdirSync(join(dir, name), { mode: 0o755 });
  // The lowest layer, so that mounting onto these never makes an entry of the upper one.
  for (const name of mountPoints) mkdirSync(join(dir, "points", name), { mode: 0o755 });
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

/** Removes a run's directory. Without root some of it belongs to other users of the run's namespace. */
export function removeRunDir(dir: string, identity: Identity): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (error) {
    if (identity === "root" || !isSystemError(error, "EACCES", "EPERM", "ENOTEMPTY")) throw error;
    const argv: readonly string[] = [...launcherArgv(identity), "rm", "-rf", "--", dir];
    const [command, ...args] = argv as [string, ...string[]];
    spawnSync(command, args, { env: { PATH: fixedEnvironment["PATH"] as string }, stdio: "ignore" });
    rmSync(dir, { recursive: true, force: true });
  }
}
