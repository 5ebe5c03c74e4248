// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";

import { isAshlarError } from "../base/index.ts";
import type { Broken } from "./broken-images.ts";
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
 * then or it is not. Names stay with their images: another process may move one meanwhile, and a spec may make another
 * image today.
 */
export async function restoreImages(shell: Shell, { broken, more, options }: Restoring): Promise<Attempt[]> {
  const origins = [...broken.flatMap(({ origin }) => (origin === undefined ? [] : [origin])), ...more];
  const once = origins.filter((origin, i) => origins.findIndex((other) => isDeepStrictEqual(other, origin)) === i);
  const attempts: Attempt[] = [];
  for (const origin of once) attempts.push(await attempt(shell, origin, options));
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
