// SPDX-License-Identifier: Apache-2.0
import { isAshlarError } from "../../base/index.ts";

/** The platform whose programs the host runs by itself. */
export const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";

/** Tells whether an error is ours and of this code. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code);
}
