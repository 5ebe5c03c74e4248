// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";

import { exposedParent, type OpenOptions, openStore, type Store } from "../store/index.ts";
import { makeProgress } from "./progress.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";
import { printable } from "./show.ts";

/** Opens the user's store for looking; the compressor is left out, so nothing can be added. */
export function openForReading(shell: Shell, options: GlobalOptions): Promise<Store> {
  const store = openStore(storeDirOf(shell, options), { onRecover: warner(shell, options) });
  warnOfParent(shell, options);
  return Promise.resolve(store);
}

/** Opens the user's store with all it needs to add contents. */
export function openForWriting(shell: Shell, options: GlobalOptions): Promise<Store> {
  return openWith(shell, options, {});
}

/** The same for what frees room, also where there is none at all. */
export function openToMakeRoom(shell: Shell, options: GlobalOptions): Promise<Store> {
  return openWith(shell, options, { makesRoom: true });
}

async function openWith(shell: Shell, options: GlobalOptions, more: OpenOptions): Promise<Store> {
  const { loadCompressor } = await import("../formats/index.ts");
  const onRecover = warner(shell, options);
  const store = openStore(storeDirOf(shell, options), { compressor: await loadCompressor(), onRecover, ...more });
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

/** What the store put right by itself is worth a line, in quiet mode too. */
function warner(shell: Shell, options: GlobalOptions): (what: string) => void {
  return (what) => makeProgress(shell, options).warn(what);
}
