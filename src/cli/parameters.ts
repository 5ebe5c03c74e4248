// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";

/** Reads the values of `--set NAME=VALUE`. Throws `USAGE_SET`. */
export function parseParameters(texts: readonly string[] | undefined): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  for (const text of texts ?? []) {
    const at = text.indexOf("=");
    if (at <= 0) throw new AshlarError("USAGE_SET", `Cannot use --set "${text}": want NAME=VALUE`);
    const name = text.slice(0, at);
    if (values.has(name)) throw new AshlarError("USAGE_SET", `Cannot use --set "${text}": "${name}" is set twice`);
    values.set(name, text.slice(at + 1));
  }
  return Object.fromEntries(values);
}

/** Reads the value of `--parallel`, from 1 to 64. Throws `USAGE_PARALLEL`. */
export function parseParallel(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= 64) return count;
  throw new AshlarError("USAGE_PARALLEL", `Cannot use --parallel "${text}": want a number from 1 to 64`);
}
