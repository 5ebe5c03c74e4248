// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { imageRefPrefix, type NamedRecord, readNamedRecord } from "../image/index.ts";
import type { Store } from "../store/index.ts";
import { readStoredImage } from "./record.ts";

/** The builds of the store that have this index or manifest, the names in order. */
export function imagesWith(store: Store, digest: Digest): readonly NamedRecord[] {
  const records = namedRecords(store);
  const hasManifest = ({ images }: NamedRecord): boolean =>
    images.some((image) => readStoredImage(store, image.record).manifest === digest);
  return records.filter((record) => record.digest === digest || hasManifest(record));
}

function namedRecords(store: Store): readonly NamedRecord[] {
  const refs = store.listRefs().filter((ref) => ref.name.startsWith(imageRefPrefix));
  return [...new Set(refs.map((ref) => ref.target))].map((target) => readNamedRecord(store, target));
}

/** The records of all images that names or digests keep, each once. */
export function imageRecords(store: Store): readonly Digest[] {
  return [...new Set(namedRecords(store).flatMap(({ images }) => images.map((image) => image.record)))];
}
