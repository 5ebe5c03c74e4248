// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

import { AshlarError, isAshlarError } from "../base/index.ts";
import type { Lease, Store } from "../store/index.ts";

interface Waiting {
  /** Hears, once, what is waited for. */
  readonly say: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly waitMsMax?: number;
}

const pollMs = 100;
const sayAfterMs = 1000;

/**
 * Takes the lease of a command. While garbage is collected it waits for up to five minutes, says so, and can be
 * interrupted, which `Store.lease` cannot. Throws `STORE_BUSY`, `INTERRUPTED`.
 */
export async function takeLease(store: Pick<Store, "lease">, waiting: Waiting): Promise<Lease> {
  const { say, signal, waitMsMax = 300_000 } = waiting;
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    try {
      return store.lease({ waitMs: 0 });
    } catch (error) {
      if (!isAshlarError(error, "STORE_BUSY") || waitedMs >= waitMsMax) throw error;
      if (waitedMs === sayAfterMs) say(`wait for a collection of garbage: ${error.because.join(", ")}`);
    }
    await pause(signal);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted !== true) throw cause;
    throw new AshlarError("INTERRUPTED", "Cannot use the store: interrupted while garbage is collected", { cause });
  }
}
