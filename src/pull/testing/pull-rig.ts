// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

import type { Digest, Progress } from "../../base/index.ts";
import type { Compressor } from "../../formats/index.ts";
import { loadCompressor } from "../../formats/index.ts";
import type { Image, ImageSource } from "../../oci/index.ts";
import { readImage } from "../../registry/index.ts";
import { memoryStore, type Store } from "../../store/index.ts";
import { bringImage, type BringRequest, type BroughtImage } from "../bring-image.ts";
import { readForeignRecord } from "../foreign-record.ts";

const step = { advance: () => {}, done: () => {} };
/** Says nothing to nobody. */
const silent: Progress = { start: () => step, note: () => {}, warn: () => {}, log: () => {} };

/** A new store with the real compressor. */
export async function newStore(compressor?: Compressor): Promise<Store> {
  return memoryStore({ compressor: compressor ?? (await loadCompressor()) });
}

/** Brings the only image of a source into a store. */
export async function bringFrom(
  store: Store,
  source: ImageSource,
  more: Partial<BringRequest> = {},
): Promise<BroughtImage> {
  const image = await readImage(source);
  const request = { store, source, image, root: image.manifest, name: "sample", progress: silent, keepBlobs: false };
  return bringImage({ ...request, ...more });
}

/** The files of a brought image: path and content. */
export function filesOf(store: Store, { record }: BroughtImage): Record<string, string> {
  const { flat } = readForeignRecord(store, record);
  const files = store.readTree(flat).flatMap((entry) => (entry.type === "file" ? [entry] : []));
  const text = (content: Digest): string => Buffer.from(store.read(content)).toString("latin1");
  return Object.fromEntries(files.map((entry) => [entry.path, text(entry.content)]));
}

/** Holds a brought image against what it was made of. */
export function verifyBrought(store: Store, brought: BroughtImage, image: Image): void {
  const record = readForeignRecord(store, brought.record);
  assert.deepEqual(Buffer.from(store.read(record.manifest)), Buffer.from(image.manifest));
  assert.deepEqual(Buffer.from(store.read(record.config)), Buffer.from(image.config));
  assert.equal(record.layers.length, image.layers.length);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
}
