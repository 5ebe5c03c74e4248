// SPDX-License-Identifier: Apache-2.0
import type { IndexDatabase } from "./index-database.ts";
import type { ReachSource } from "./reach.ts";
import type { Store } from "./store.ts";

/** What a store on disk holds, to be marked. */
export function diskSource(store: Store, index: IndexDatabase): ReachSource {
  return {
    readRecord: (digest) => store.readRecord(digest),
    readTree: (digest) => store.readTree(digest),
    read: (digest) => store.read(digest),
    piecesOf: (digest) => index.piecesOf(digest),
  };
}
