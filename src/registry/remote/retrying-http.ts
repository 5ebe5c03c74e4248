// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

import { AshlarError, isAshlarError } from "../../base/index.ts";
import type { HttpAnswer, HttpRequest, RegistryHttp } from "./registry-http.ts";

export interface RetrySettings {
  /** Tries in a row that bring little or nothing; 4 when absent. */
  readonly tryCountMax?: number | undefined;
  /** Wait before the second try; doubles each time. 500 when absent. */
  readonly retryDelayMs?: number | undefined;
  /** Told before each wait. */
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Retry {
  readonly host: string;
  readonly why: string;
  readonly delayMs: number;
}

/** Longest time a server may make us wait. */
const delayMsMax = 60_000;

/** So many bytes are progress; fewer at a time are a registry that will never end. */
const progressBytes = 16 << 10;

/** Counts tries and waits between them; a new one for each piece of work. */
export class Tries {
  readonly #settings: RetrySettings;
  #count = 1;
  #bytes = 0;

  constructor(settings: RetrySettings) {
    this.#settings = settings;
  }

  /** Some bytes went on; when they are enough, what comes is a first try again. */
  progress(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= progressBytes) this.#count = 1;
  }

  /** Waits for the next try; false where there shall be none. */
  async next(host: string, why: string, retryAfterMs?: number): Promise<boolean> {
    const { tryCountMax = 4, retryDelayMs = 500, onRetry, signal } = this.#settings;
    if (this.#count >= tryCountMax) return false;
    const delayMs = Math.min(retryAfterMs ?? retryDelayMs * 2 ** (this.#count - 1), delayMsMax);
    this.#count++;
    this.#bytes = 0;
    onRetry?.({ host, why, delayMs });
    try {
      await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
    } catch (cause) {
      throw new AshlarError("INTERRUPTED", "Cannot go on with the registry: interrupted", { cause });
    }
    return true;
  }
}

/**
 * Sends again what may work next time: after connection faults and status 408, 429 and 5xx (but 501), at most
 * `tryCountMax` times, waiting as long as `Retry-After` asks for or twice as long each time. The last answer is
 * given back as it is.
 */
export function retryingHttp(inner: RegistryHttp, settings: RetrySettings): RegistryHttp {
  return {
    async send(request) {
      const tries = new Tries(settings);
      for (;;) {
        const result = await attempt(inner, request);
        if (isLasting(result, request)) return unwrap(result);
        const why = result instanceof AshlarError ? result.message : `HTTP status ${result.status}`;
        const wait = result instanceof AshlarError ? undefined : retryAfterMs(result);
        if (!(await tries.next(request.url.host, why, wait))) return unwrap(result);
        if (!(result instanceof AshlarError)) await result.discard();
      }
    },
  };
}

async function attempt(inner: RegistryHttp, request: HttpRequest): Promise<HttpAnswer | AshlarError> {
  try {
    return await inner.send(request);
  } catch (error) {
    if (isAshlarError(error, "REGISTRY_UNREACHABLE")) return error;
    throw error;
  }
}

function isLasting(result: HttpAnswer | AshlarError, { body, once }: HttpRequest): boolean {
  const canRepeat = body === undefined || body instanceof Uint8Array;
  if (once === true || !canRepeat) return true;
  return result instanceof AshlarError ? result.details["lasting"] === true : !isPassing(result.status);
}

/** Tells whether an answer of this status may be another one the next time. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

function unwrap(result: HttpAnswer | AshlarError): HttpAnswer {
  if (result instanceof AshlarError) throw result;
  return result;
}

/** Only the form in seconds: a date would need a clock that agrees with the server's. */
export function retryAfterMs({ headers }: HttpAnswer): number | undefined {
  const value = headers["retry-after"];
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) * 1000 : undefined;
}
