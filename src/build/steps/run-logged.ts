// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

import { AshlarError, isAshlarError, type Progress } from "../../base/index.ts";
import type { SandboxResult, SandboxRun } from "../../sandbox/index.ts";
import type { Sandbox, SandboxCircumstances } from "../../sandbox/index.ts";
import { RunLog } from "./run-log.ts";
import type { SecretForm } from "./secret-forms.ts";

/** Where runs happen and what hears of them. */
export interface RunPlace {
  /** Opened only when something must run. */
  readonly sandbox: () => Promise<Sandbox>;
  readonly circumstances?: SandboxCircumstances | undefined;
  /** The store's directory; logs of failed runs are kept in its `logs`. */
  readonly storeDir: string;
  readonly progress: Progress;
}

/** What a run is called, and the error when its command fails. */
export interface RunWords {
  /** E.g. "server" or "server, patch fix.diff": before each line of the live log. */
  readonly from: string;
  /** A file name without a suffix. */
  readonly logName: string;
  readonly code: string;
  /** The beginning of messages: `Cannot run step "server"`. */
  readonly cannot: string;
  readonly hint?: string | undefined;
}

/**
 * Runs a command with a live log. When it fails the log is kept, and the error has the exit code, the last
 * lines and the log's path; also where the sandbox ended it (its own codes). The caller ends the log that is
 * returned.
 */
export async function runLogged(
  place: RunPlace,
  run: Omit<SandboxRun, "onOutput" | "circumstances">,
  { words, secrets = [] }: { readonly words: RunWords; readonly secrets?: readonly SecretForm[] },
): Promise<{ readonly result: SandboxResult; readonly log: RunLog }> {
  const log = new RunLog({
    path: join(place.storeDir, "logs", `${words.logName}.log`),
    onLine: (line) => place.progress.log(words.from, line),
    secrets,
  });
  const { circumstances } = place;
  try {
    const onOutput = (bytes: Uint8Array): void => log.write(bytes);
    const result = await (await place.sandbox()).run({ ...run, ...(circumstances && { circumstances }), onOutput });
    if (result.exitCode !== 0) throw failed(result.exitCode, words);
    return { result, log };
  } catch (error) {
    log.end(true);
    throw isAshlarError(error) ? withLog(error, words, log) : error;
  }
}

function failed(exitCode: number, { code, cannot, hint }: RunWords): AshlarError {
  const how =
    exitCode > 128 && exitCode < 193 ? `signal ${exitCode - 128} ended it` : `exit code ${exitCode}`;
  return new AshlarError(code, `${cannot}: ${how}, want 0`, { hint, details: { exitCode } });
}

function withLog(error: AshlarError, { cannot, hint }: RunWords, log: RunLog): AshlarError {
  const message = error.message.startsWith(cannot) ? error.message : `${cannot}: ${error.message}`;
  const lines = log.lastLines.map((line) => `| ${line}`);
  const kept = lines.length > 0 ? [`the whole log is in "${log.path}"`] : [];
  return new AshlarError(error.code, message, {
    hint: error.hint ?? hint,
    because: [...error.because, ...lines, ...kept],
    details: { ...error.details, ...(lines.length > 0 && { log: log.path }) },
    cause: error,
  });
}
