// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

import { AshlarError, isAshlarError, isSystemError } from "../base/index.ts";
import type { FetchContext } from "./fetcher.ts";
import type { Answer } from "./transport.ts";

/** Why one try at one mirror brought no file. */
export class Fault extends Error {
  /**
   * "absent": the mirror has no such file; "mismatch": it has other bytes; "wrong": it refuses, and will
   * again; "broken": it may work next time.
   */
  readonly kind: "absent" | "mismatch" | "wrong" | "broken";
  readonly retryAfterMs: number | undefined;

  constructor(kind: Fault["kind"], why: string, retryAfterMs?: number) {
    super(why);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Longest time a server may make us wait. */
const retryAfterMsMax = 60_000;

/** The fault that a status other than 200, 206 and 416 means. */
export function statusFault(answer: Answer): Fault {
  const { status } = answer;
  const why = `HTTP status ${status}`;
  if (status === 404 || status === 410) return new Fault("absent", why);
  if (status === 408 || status === 429 || status >= 500) return new Fault("broken", why, retryAfterOf(answer));
  return new Fault("wrong", why);
}

/** Only the form in seconds: a date would need a clock that agrees with the server's. */
function retryAfterOf({ headers }: Answer): number | undefined {
  const value = headers["retry-after"];
  if (value === undefined || !/^\d{1,9}$/.test(value)) return undefined;
  return Math.min(Number(value) * 1000, retryAfterMsMax);
}

/** Turns whatever a transport threw into a fault; what is not the network's doing is thrown on. */
export function faultOf(error: unknown, context: FetchContext): Fault {
  if (context.signal?.aborted === true) throw interrupted(error);
  if (error instanceof Fault) return error;
  if (isAshlarError(error)) return new Fault("wrong", error.message);
  if (isSystemError(error, "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE")) throw error;
  if (error instanceof Error) return new Fault("broken", describe(error));
  throw error;
}

function interrupted(cause: unknown): AshlarError {
  return new AshlarError("INTERRUPTED", "Cannot go on fetching: interrupted", { cause });
}

function describe(error: Error): string {
  const code = (error as { code?: unknown }).code;
  const text = error.message === "" ? error.name : error.message;
  return typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
}

/** Waits before the next try; `tries` counts from 1. */
export async function backOff(context: FetchContext, name: string, fault: Fault, tries: number): Promise<void> {
  const delayMs = fault.retryAfterMs ?? Math.min(context.retryDelayMs * 2 ** (tries - 1), retryAfterMsMax);
  context.emit({ kind: "retry", name, why: fault.message, delayMs });
  try {
    await sleep(delayMs, undefined, { signal: context.signal as AbortSignal });
  } catch (error) {
    throw interrupted(error);
  }
}

/** A signal for one try: fires when the user interrupts, or when the whole takes absurdly long. */
export function trySignal(context: FetchContext, sizeBytes: number): AbortSignal {
  const slowest = 4 << 10; // bytes a second; a slower server is as good as none
  const timeout = AbortSignal.timeout(context.idleTimeoutMs * 2 + Math.ceil((sizeBytes / slowest) * 1000));
  return context.signal === undefined ? timeout : AbortSignal.any([context.signal, timeout]);
}
