// SPDX-License-Identifier: Apache-2.0
import type { Progress } from "../base/index.ts";
import type { ImageSource } from "../oci/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { openBase } from "./foreign-base.ts";
import { type NamedRecord, readImageRecord } from "./record.ts";

/**
 * Brings the foreign images that built images stand on into another store, as an import of its own: those that
 * were taken from the store and that no place of the project could give a build elsewhere.
 */
export async function bringBases(
  store: Store,
  other: Store,
  { images, progress }: { readonly images: readonly NamedRecord[]; readonly progress: Progress },
): Promise<void> {
  for (const { platform, record } of images.flatMap((named) => named.images)) {
    const { document } = readImageRecord(store, record);
    const { from } = JSON.parse(Buffer.from(store.read(document)).toString("utf8")) as ImageDocument;
    if (from.kind !== "oci" || from.at !== undefined) continue;
    const place = { source: keptSource(store), what: "the store" };
    await openBase({ store: other, projectDir: "", from, platform, progress, place });
  }
}

/** What a store holds of a foreign image, as a place to read it from by its digests. */
function keptSource(store: Store): ImageSource {
  return {
    resolve: () => Promise.reject(new Error("internal error: a store has no tags of foreign images")),
    manifest: async (descriptor) => store.read(descriptor.digest),
    blob: async function* (descriptor) {
      yield* store.stream(descriptor.digest);
    },
  };
}
