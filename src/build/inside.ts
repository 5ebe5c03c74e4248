// SPDX-License-Identifier: Apache-2.0
import { realpathSync } from "node:fs";
import { join, sep } from "node:path";

import { AshlarError } from "../base/index.ts";

/**
 * The absolute path of a project's file. Throws `BUILD_OUTSIDE` when it lies outside of the project, also by
 * way of a symbolic link.
 */
export function insideProject(dir: string, path: string): string {
  const whole = join(dir, path);
  const root = realpathSync(dir);
  const real = realpathSync(whole);
  if (real === root || real.startsWith(root + sep)) return whole;
  throw new AshlarError("BUILD_OUTSIDE", `Cannot read "${path}": it leads out of the project`, {
    hint: "copy the file into the project; only files below the spec's directory can be part of an image",
  });
}
