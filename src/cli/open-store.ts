// SPDX-License-Identifier: Apache-2.0
import { openStore, type Store } from "../store/index.ts";
import { makeProgress } from "./progress.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";

/** Opens the user's store for looking; the compressor is left out, so nothing can be added. */
export function openForReading(shell: Shell, options: GlobalOptions): Promise<Store> {
  return Promise.resolve(openStore(storeDirOf(shell, options), { onRecover: warner(shell, options) }));
}

/** Opens the user's store with all it needs to add contents. */
export async function openForWriting(shell: Shell, options: GlobalOptions): Promise<Store> {
  const { loadCompressor } = await import("../formats/index.ts");
  const onRecover = warner(shell, options);
  return openStore(storeDirOf(shell, options), { compressor: await loadCompressor(), onRecover });
}

/** What the store put right by itself is worth a line, in quiet mode too. */
function warner(shell: Shell, options: GlobalOptions): (what: string) => void {
  return (what) => makeProgress(shell, options).warn(what);
}
