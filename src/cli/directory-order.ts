// SPDX-License-Identifier: Apache-2.0
import type { DirectoryOrder } from "../build/index.ts";
import type { Shell } from "./shell.ts";

/** Set by `build --check` for its second build. */
export const reverseVariable = "ASHLAR_CHECK_REVERSE";

/** In which order the project's directories are read: as they come, or turned round to prove that it means nothing. */
export function directoryOrder(shell: Shell): DirectoryOrder {
  return shell.env[reverseVariable] ? (names) => [...names].reverse() : (names) => names;
}
