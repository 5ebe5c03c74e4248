// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

import { AshlarError, type Digest } from "../base/index.ts";
import type { Store } from "../store/index.ts";

export interface TurnOptions {
  /** For messages: what is fetched. */
  readonly name: string;
  /** Hears once that somebody else fetches it, and who. */
  readonly onWait: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** Runs one attempt; waiting happens outside of it. Absent: at once. */
  readonly slot?: <T>(attempt: () => Promise<T>) => Promise<T>;
  /** Wait after the first attempt, which doubles each time. 20 when absent. */
  readonly waitMs?: number | undefined;
  /** How long who fetches may give no sign of life. Five minutes when absent. */
  readonly patienceMs?: number | undefined;
}

const waitMsMax = 250;

/**
 * Runs `work` while no other process fetches what has this digest; it has to look first whether that is here by now.
 * Throws `STORE_BUSY` when who fetches it is alive and stands still, `INTERRUPTED`, and what `work` throws.
 */
export async function inTurn<T>(
  store: Pick<Store, "beginFetch">,
  digest: Digest,
  options: TurnOptions & { readonly work: () => Promise<T> },
): Promise<T> {
  const { work, slot = (attempt) => attempt() } = options;
  const patience = new Patience(options);
  for (;;) {
    const result = await slot(async () => {
      const turn = store.beginFetch(digest);
      if (turn.kind === "elsewhere") return turn;
      try {
        return { kind: "done", value: await work() } as const;
      } finally {
        turn.release();
      }
    });
    if (result.kind === "done") return result.value;
    await patience.wait(result);
  }
}

interface Elsewhere {
  readonly beat: number;
  readonly holders: () => readonly string[];
}

class Patience {
  readonly #options: TurnOptions;
  #waitMs: number;
  #beat: number | undefined;
  #silentMs = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
    this.#waitMs = options.waitMs ?? 20;
  }

  async wait({ beat, holders }: Elsewhere): Promise<void> {
    const { name, onWait, signal, patienceMs = 300_000 } = this.#options;
    if (this.#beat === undefined) onWait(`wait for ${name}: ${holders().join(", ")} fetches it`);
    if (this.#beat !== beat) this.#silentMs = 0;
    if (this.#silentMs >= patienceMs) throw standstill(name, holders(), this.#silentMs);
    this.#beat = beat;
    await pause(this.#waitMs, signal);
    this.#silentMs += this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, waitMsMax);
  }
}

async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted !== true) throw cause;
    throw new AshlarError("INTERRUPTED", "Cannot go on fetching: interrupted", { cause });
  }
}

function standstill(name: string, holders: readonly string[], silentMs: number): AshlarError {
  const state = `who fetches it has stood still for ${Math.round(silentMs / 1000)} seconds`;
  return new AshlarError("STORE_BUSY", `Cannot fetch ${name}: ${state}, want it to go on or end`, {
    because: holders,
    hint: "let that process go on (kill -CONT) or end it: what it fetched so far is kept",
  });
}
