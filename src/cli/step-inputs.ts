// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { AshlarError, type Progress } from "../base/index.ts";
import { fetchSourceFiles, type SourceFileRequest } from "../fetch/index.ts";
import type { Store } from "../store/index.ts";
import { openNetwork, showDownloads } from "./network.ts";
import type { Shell } from "./shell.ts";
import { wholeSecret } from "./whole-secret.ts";

/** Larger than any key or token; a file of another kind was meant. */
const secretBytesMax = 1 << 20;

/**
 * Reads the values of `--secret NAME=FILE` and `--secret NAME=env:VARIABLE`. Throws `USAGE_SECRET`; no
 * message shows a value.
 */
export function readSecrets(
  shell: Shell,
  texts: readonly string[] | undefined,
): ReadonlyMap<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const text of texts ?? []) {
    const at = text.indexOf("=");
    if (at <= 0 || at === text.length - 1) {
      const hint = "a value on the command line would be seen by every user of the machine";
      const name = at <= 0 ? "" : ` for "${text.slice(0, at)}"`;
      const message = `Cannot use --secret${name}: want NAME=FILE or NAME=env:VARIABLE`;
      throw new AshlarError("USAGE_SECRET", message, { hint });
    }
    const name = text.slice(0, at);
    if (values.has(name)) throw fault(name, "it is given twice");
    values.set(name, valueOf(shell, name, text.slice(at + 1)));
  }
  return values;
}

function valueOf(shell: Shell, name: string, from: string): Uint8Array {
  if (!from.startsWith("env:")) return valueOfFile(name, resolve(shell.cwd, from));
  const variable = from.slice("env:".length);
  const value = shell.env[variable];
  if (value === undefined || value === "") throw fault(name, `the variable ${variable} is not set`);
  return Buffer.from(value, "utf8");
}

function valueOfFile(name: string, path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : "it is no file";
    throw fault(name, `its file could not be read (${why})`, cause);
  }
  if (bytes.length > secretBytesMax) throw fault(name, `its file has more than ${secretBytesMax} bytes`);
  return bytes;
}

function fault(name: string, state: string, cause?: unknown): AshlarError {
  return new AshlarError("USAGE_SECRET", `Cannot use --secret for "${name}": ${state}`, { cause });
}

/**
 * The same secrets for another process with another working directory and environment: its arguments, and the
 * variables that they name.
 */
export function passSecrets(
  shell: Shell,
  texts: readonly string[] | undefined,
): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const env: Record<string, string> = {};
  const args = (texts ?? []).map((text) => {
    const [, variable] = /^[^=]*=env:(.*)$/s.exec(text) ?? [];
    if (variable !== undefined) env[variable] = shell.env[variable] ?? "";
    return `--secret=${wholeSecret(shell, text)}`;
  });
  return { args, env };
}

interface Fetching {
  readonly shell: Shell;
  readonly store: Store;
  readonly progress: Progress;
  readonly offline: boolean;
}

/** Fetches the sources of steps into the store's downloads. */
export async function fetchStepSources(
  { shell, store, progress, offline }: Fetching,
  sources: readonly SourceFileRequest[],
): Promise<void> {
  const shown = showDownloads(progress, "fetch sources");
  const fetcher = openNetwork(shell, { store, offline, onEvent: shown.onEvent });
  try {
    await fetchSourceFiles(fetcher, sources, store);
    shown.done();
  } finally {
    await fetcher.close();
  }
}
