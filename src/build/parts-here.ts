// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { imageRecords } from "./all-images.ts";
import { readStoredImage } from "./record.ts";

/** The trees that composed layers of the store's images are made of. */
export function* partsHere(store: Store): Generator<Digest, void, void> {
  for (const record of imageRecords(store)) {
    for (const plan of readStoredImage(store, record).layers) {
      if (plan.kind !== undefined) continue;
      yield plan.directories;
      yield* plan.blocks;
    }
  }
}
