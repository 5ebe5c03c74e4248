// SPDX-License-Identifier: Apache-2.0

const signals = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

/** Does something that has to clean up when the user interrupts us, or somebody ends us. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const name of signals) process.on(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of signals) process.off(name, abort);
  }
}
