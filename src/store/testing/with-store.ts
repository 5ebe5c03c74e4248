// SPDX-License-Identifier: Apache-2.0
import { loadCompressor } from "../../formats/index.ts";
import { openStore } from "../disk-store.ts";
import type { Store } from "../store.ts";

const compressor = await loadCompressor();

/** Opens the store in `dir` for a step, and closes it; `said` is what the store put right by itself. */
export function withStore<T>(dir: string, use: (store: Store, said: readonly string[]) => T): T {
  const said: string[] = [];
  const store = openStore(dir, { compressor, onRecover: (what) => void said.push(what) });
  try {
    return use(store, said);
  } finally {
    store.close();
  }
}
