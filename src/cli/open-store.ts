// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";

import { exposedParent, openStore, type Store } from "../store/index.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";
import { printable } from "./show.ts";

/** Opens the user's store for looking; the compressor is left out, so nothing can be added. */
export function openForReading(shell: Shell, options: GlobalOptions): Promise<Store> {
  const store = openStore(storeDirOf(shell, options));
  warnOfParent(shell, options);
  return Promise.resolve(store);
}

/** Opens the user's store with all it needs to add contents. */
export async function openForWriting(shell: Shell, options: GlobalOptions): Promise<Store> {
  const { loadCompressor } = await import("../formats/index.ts");
  const store = openStore(storeDirOf(shell, options), { compressor: await loadCompressor() });
  warnOfParent(shell, options);
  return store;
}

/** Where others can change the way to the store, no check of the store itself helps for long. */
function warnOfParent(shell: Shell, options: GlobalOptions): void {
  const dir = storeDirOf(shell, options);
  const state = options.quiet === true || !existsSync(dir) ? undefined : exposedParent(dir);
  if (state === undefined) return;
  shell.err(`warning: ${printable(state)}: who may do that can put another store in the place of yours\n`);
}
