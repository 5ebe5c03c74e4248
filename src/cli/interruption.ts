// SPDX-License-Identifier: Apache-2.0

const signals = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/**
 * Does something that has to clean up when the user interrupts us, or somebody ends us. The first signal aborts `work`;
 * the next one ends the process at once, also where it is busy, as the kernel does without us (a shell says 130).
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const forget = (): void => {
    for (const name of signals) process.off(name, abort);
  };
  const abort = (): void => {
    forget();
    controller.abort();
  };
  for (const name of signals) process.on(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    forget();
  }
}
