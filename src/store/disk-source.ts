// SPDX-License-Identifier: Apache-2.0
import type { IndexDatabase } from "./index-database.ts";
import type { ReachSource } from "./reach.ts";
import type { Store } from "./store.ts";
import { readTwice } from "./system-fault.ts";

/** What a store on disk holds, to be marked; read once more where the disk failed to read. */
export function diskSource(store: Store, index: IndexDatabase): ReachSource {
  return {
    readRecord: (digest) => readTwice(() => store.readRecord(digest)),
    readTree: (digest) => readTwice(() => store.readTree(digest)),
    read: (digest) => readTwice(() => store.read(digest)),
    piecesOf: (digest) => index.piecesOf(digest),
  };
}
