// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";

import { isAshlarError } from "../base/index.ts";
import type { Ref } from "../store/index.ts";
import type { Broken } from "./broken-images.ts";
import { openForReading } from "./open-store.ts";
import { type Origin, runOrigin, showOrigin } from "./origin.ts";
import { makeProgress } from "./progress.ts";
import { renderError } from "./render-error.ts";
import type { GlobalOptions, Shell } from "./shell.ts";

/** What came of a command that should bring an image back. */
export interface Attempt {
  readonly command: string;
  /** What it made, as it prints it. */
  readonly made: string;
  readonly error?: string;
}

interface Restoring {
  readonly broken: readonly Broken[];
  /** Command lines beside those that the names themselves know. */
  readonly more: readonly Origin[];
  readonly options: GlobalOptions;
}

/**
 * Runs the command lines that bring images back, each once. What comes is proven by digests: what was missing is here
 * then or it is not. Names stay where they were, also where a spec makes another image today.
 */
export async function restoreImages(shell: Shell, { broken, more, options }: Restoring): Promise<Attempt[]> {
  const origins = [...broken.flatMap(({ origin }) => (origin === undefined ? [] : [origin])), ...more];
  const once = origins.filter((origin, i) => origins.findIndex((other) => isDeepStrictEqual(other, origin)) === i);
  const before = await namesOf(shell, broken, options);
  const attempts: Attempt[] = [];
  for (const origin of once) {
    attempts.push(await attempt(shell, origin, options));
    await setBack(shell, before, options);
  }
  return attempts;
}

async function attempt(shell: Shell, origin: Origin, options: GlobalOptions): Promise<Attempt> {
  const command = showOrigin(origin);
  makeProgress(shell, options).note(`run: ${command}`);
  try {
    return { command, made: (await runOrigin(shell, origin, options)).trimEnd() };
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    shell.err(renderError(error, { colour: false, debug: options.debug === true }));
    return { command, made: "", error: error.message };
  }
}

/** The refs of the images' names, whatever they point to. */
async function namesOf(shell: Shell, broken: readonly Broken[], options: GlobalOptions): Promise<readonly Ref[]> {
  const names = new Set(broken.flatMap(({ refs }) => refs.map((name) => name.replace(/@sha256:[0-9a-f]{64}$/, ""))));
  const store = await openForReading(shell, options);
  try {
    return store.listRefs().filter(({ name }) => names.has(name));
  } finally {
    store.close();
  }
}

async function setBack(shell: Shell, before: readonly Ref[], options: GlobalOptions): Promise<void> {
  const store = await openForReading(shell, options);
  try {
    for (const { name, target, origin } of before) {
      if (store.getRef(name) !== target && store.has(target)) store.setRef(name, target, origin);
    }
  } finally {
    store.close();
  }
}
