// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";

import type { Shell } from "./shell.ts";

/** Where a secret comes from, as it is written from whatever directory: `NAME=FILE` with the whole path. */
export function wholeSecret(shell: Pick<Shell, "cwd">, text: string): string {
  const at = text.indexOf("=");
  const [name, from] = [text.slice(0, at), text.slice(at + 1)];
  return from.startsWith("env:") ? text : `${name}=${resolve(shell.cwd, from)}`;
}
