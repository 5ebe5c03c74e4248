// SPDX-License-Identifier: Apache-2.0
import type { Progress } from "../base/index.ts";
import { readForeignRecord } from "../pull/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Store } from "../store/index.ts";
import { openBase } from "./foreign-base.ts";
import { type NamedRecord, readImageRecord } from "./record.ts";
import { storeSource } from "./store-source.ts";

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
    const { document, base } = readImageRecord(store, record);
    const { from } = JSON.parse(Buffer.from(store.read(document)).toString("utf8")) as ImageDocument;
    if (from.kind !== "oci" || from.at !== undefined || base === undefined) continue;
    const { root } = readForeignRecord(store, base);
    const kept = [{ platform, record: base }];
    const named: NamedRecord = { kind: "named/v1", name: from.name, digest: root, images: kept };
    const place = { source: storeSource(store, named), what: "the store" };
    await openBase({ store: other, projectDir: "", from, platform, progress, place });
  }
}
