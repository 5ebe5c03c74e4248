// SPDX-License-Identifier: Apache-2.0
import type { PackWriter, Store } from "./store.ts";

/** Runs a step that adds contents with a pack of its own: committed when the step returns, else taken back. */
export function inPack<T>(store: Pick<Store, "beginPack">, step: (pack: PackWriter) => T): T {
  const pack = store.beginPack();
  try {
    const made = step(pack);
    pack.commit();
    return made;
  } catch (error) {
    pack.abort();
    throw error;
  }
}
