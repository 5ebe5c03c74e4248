// SPDX-License-Identifier: Apache-2.0
import { homedir } from "node:os";
import { join, resolve } from "node:path";

import type { Json } from "../base/index.ts";

/** The outside world as the command line sees it; only here do clock and environment enter. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly nowSeconds: number;
  readonly out: (text: string | Uint8Array) => void;
  readonly err: (text: string) => void;
  readonly errIsTerminal: boolean;
  readonly columns: number;
  /** Images are brought back: their names stay where they point to. See `Naming`. */
  readonly keepsNames?: boolean;
}

/** What a command hands back: text for people, a value for `--json`. */
export interface Outcome {
  readonly text: string;
  /** Stands in for `text` where the result is a file's bytes. */
  readonly bytes?: Uint8Array;
  readonly json: Json;
  /** Differs from 0 only where a command answers by it, as `diff --exit-code`. */
  readonly exitCode?: number;
}

/** Options that every command has. */
export interface GlobalOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly debug?: boolean | undefined;
  readonly store?: string | undefined;
  readonly progress?: string | undefined;
}

/** Internal: seconds that the clock is ahead, set by `build --check` where it cannot move the clock itself. */
export const shiftVariable = "ASHLAR_CHECK_CLOCK";

/** The real one. */
export function processShell(): Shell {
  return {
    env: process.env,
    cwd: process.cwd(),
    nowSeconds: Math.floor(Date.now() / 1000) + Number(process.env[shiftVariable] ?? 0),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
  };
}

/** The store's directory: `--store`, `ASHLAR_STORE`, else below the user's cache directory. */
export function storeDirOf(shell: Shell, options: GlobalOptions): string {
  const named = options.store ?? shell.env["ASHLAR_STORE"];
  if (named !== undefined && named !== "") return resolve(shell.cwd, named);
  const cache = shell.env["XDG_CACHE_HOME"] || join(shell.env["HOME"] || homedir(), ".cache");
  return join(cache, "ashlar", "store");
}

/** Tells whether colours are welcome on stderr. */
export function wantsColour(shell: Shell): boolean {
  if (shell.env["NO_COLOR"]) return false;
  if (shell.env["FORCE_COLOR"] && shell.env["FORCE_COLOR"] !== "0") return true;
  return shell.errIsTerminal && shell.env["TERM"] !== "dumb";
}
