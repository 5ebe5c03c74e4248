// SPDX-License-Identifier: Apache-2.0
import { type Digest, limits } from "../base/index.ts";
import type { PackWriter, Store } from "../store/index.ts";
import type { WantedFile } from "./plan-spans.ts";

/** A pack is ended at this size, as in pulls. */
const packBytesMax = 4 * limits.frameBytesMax;

/** Takes what adopted directories of the host hold; the contents that the store has now. */
export function takeAdopted(store: Store, files: readonly WantedFile[]): ReadonlySet<Digest> {
  const held = store.adopted.sizes(new Set(files.map(({ content }) => content)));
  const taken = new Set<Digest>();
  for (const batch of batches(files.filter(({ content, sizeBytes }) => held.get(content) === sizeBytes))) {
    const pack = store.beginPack();
    try {
      for (const { content } of batch) if (takeOne(store, content, pack)) taken.add(content);
      pack.commit();
    } finally {
      pack.abort();
    }
  }
  return taken;
}

function takeOne(store: Store, content: Digest, pack: PackWriter): boolean {
  return store.adopted.take(content, pack) !== undefined;
}

function* batches(files: readonly WantedFile[]): Generator<readonly WantedFile[], void, void> {
  let batch: WantedFile[] = [];
  let sizeBytes = 0;
  for (const file of files) {
    batch.push(file);
    sizeBytes += file.sizeBytes;
    if (sizeBytes < packBytesMax) continue;
    yield batch;
    [batch, sizeBytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}
