// SPDX-License-Identifier: Apache-2.0
/** Where in a text the user wrote an error lies; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** The lines around the place, already drawn, with a marker under the fault. */
  readonly excerpt?: string;
}

export interface ErrorParts {
  /** The next command to type, or what to change. */
  readonly hint?: string | undefined;
  readonly where?: Place | undefined;
  /** The chain of reasons, outermost first. */
  readonly because?: readonly string[] | undefined;
  /** Values for `--json`; never secrets. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The one error class for wrong input and a failing outside world. A broken invariant of our own is a
 * plain `Error` whose message starts with "internal error".
 *
 * Grammar of messages: `Cannot <verb> <object>: <state>, <what is wanted>`; values in double quotes, no
 * full stop. `code` is stable, `FOLDER_REASON` in capitals; the part before the first underscore decides
 * the exit code (`cli/exit-code.ts`).
 */
export class AshlarError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly where: Place | undefined;
  readonly because: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, parts: ErrorParts = {}) {
    super(redactCredentials(message), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "AshlarError";
    this.code = code;
    this.hint = parts.hint === undefined ? undefined : redactCredentials(parts.hint);
    this.where = parts.where;
    this.because = (parts.because ?? []).map(redactCredentials);
    this.details = parts.details ?? {};
  }
}

/** Tells whether `value` is our error, and if `code` is given, of that code. */
export function isAshlarError(value: unknown, code?: string): value is AshlarError {
  return value instanceof AshlarError && (code === undefined || value.code === code);
}

/** Linux's numbers of errors that Node has no name for: it calls them "Unknown system error -122". */
const unnamed: ReadonlyMap<number, string> = new Map([[116, "ESTALE"], [117, "EUCLEAN"], [122, "EDQUOT"]]);

/** Tells whether `value` is an error of the operating system with one of these codes, e.g. "ENOENT". */
export function isSystemError(value: unknown, ...codes: string[]): value is NodeJS.ErrnoException {
  if (!(value instanceof Error)) return false;
  const { code, errno = 0 } = value as NodeJS.ErrnoException;
  if (code === undefined) return false;
  // Node's removal of trees has names for few errors: the others only say that the disk did not do it.
  const names = [code === "" ? "EIO" : code, unnamed.get(-errno)];
  return names.some((name) => name !== undefined && codes.includes(name));
}

/** Takes user and password out of every URL in a text, and what an `Authorization` header holds: servers echo both. */
function redactCredentials(text: string): string {
  return text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"]+@/gi, "$1***@")
    .replace(/\b(basic|bearer)\s+[\w.~+/-]{20,}=*/gi, "$1 ***");
}
