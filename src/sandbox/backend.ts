// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants } from "node:fs";

import { fixedEnvironment } from "./environment.ts";
import type { SandboxBackend } from "./sandbox.ts";

/** In the order of preference. */
export const backends: readonly SandboxBackend[] = ["crun", "runc", "bwrap"];

/** Where a program of the host lies, as the launcher will find it; undefined where it is not installed. */
export function hostProgram(name: string): string | undefined {
  for (const dir of (fixedEnvironment["PATH"] as string).split(":")) {
    try {
      accessSync(`${dir}/${name}`, constants.X_OK);
      return `${dir}/${name}`;
    } catch {
      continue;
    }
  }
  return undefined;
}
