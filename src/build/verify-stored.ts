// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, Hasher, isAshlarError, type Progress } from "../base/index.ts";
import { type LayerPlan, parseRecipe, type TarPlan, writeRecipe } from "../layer/index.ts";
import { openLayerTar, type OpenImage, parsePlatform } from "../oci/index.ts";
import { readImage } from "../registry/index.ts";
import type { Reaches, Store } from "../store/index.ts";
import { type NamedRecord, readStoredImage, type StoredImage } from "./record.ts";
import { storeSource } from "./store-source.ts";

/** How far a layer is proven: its blob and the tar in it, or the tar alone where the store does not keep the blob. */
export interface ProvenLayer {
  readonly name: string;
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly proven: "blob" | "tar";
}

export interface ProvenPlatform {
  readonly platform: string;
  readonly layers: readonly ProvenLayer[];
  /** Contents that the image needs, and their bytes; all were read and hashed. */
  readonly contents: number;
  readonly contentBytes: number;
  readonly faults: readonly { readonly what: string; readonly why: string }[];
}

/**
 * Proves an image of the store: every content that it reaches is read and hashed, its documents name each other by
 * digest, and each layer is made again and has the digest and diffId they say. Collects faults instead of throwing.
 */
export async function verifyStored(
  store: Store,
  named: NamedRecord,
  progress: Progress,
): Promise<readonly ProvenPlatform[]> {
  const proven: ProvenPlatform[] = [];
  for (const { platform, record } of named.images) {
    const step = progress.start(`verify ${named.name} ${platform}`);
    proven.push(await verifyPlatform({ store, named, platform, record }));
    step.done();
  }
  return proven;
}

interface Verifying {
  readonly store: Store;
  readonly named: NamedRecord;
  readonly platform: string;
  readonly record: Digest;
}

async function verifyPlatform({ store, named, platform, record }: Verifying): Promise<ProvenPlatform> {
  const faults: { what: string; why: string }[] = [];
  const attempt = async <T>(what: string, step: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await step();
    } catch (error) {
      if (!isAshlarError(error)) throw error;
      faults.push({ what, why: error.message });
      return undefined;
    }
  };
  let contentBytes = 0;
  const contents = new Set([named.digest]);
  await attempt(record, async () => addReached(store, { records: [record] }, contents));
  for (const digest of contents) {
    await attempt(digest, async () => {
      for (const piece of store.stream(digest)) contentBytes += piece.length;
    });
  }
  const layers: ProvenLayer[] = [];
  const opened = await attempt(named.digest, () => openStored({ store, named, platform, record }));
  for (const [i, plan] of opened?.stored.layers.entries() ?? []) {
    const layer = await attempt(`layer ${plan.name}`, () => verifyLayer(store, plan, opened?.image.layers[i]));
    if (layer !== undefined) layers.push(layer);
  }
  return { platform, layers, contents: contents.size, contentBytes, faults };
}

/** Adds all contents that are reached, the encoded trees and records themselves too. */
function addReached(store: Store, { contents = [], trees = [], records = [] }: Reaches, found: Set<Digest>): void {
  for (const digest of [...contents, ...trees, ...records]) found.add(digest);
  for (const tree of trees) {
    for (const entry of store.readTree(tree)) if (entry.type === "file") found.add(entry.content);
  }
  for (const record of records) addReached(store, store.readRecord(record).reaches, found);
}

interface Opened {
  readonly stored: StoredImage;
  readonly image: OpenImage;
}

/** Throws `VERIFY_IMAGE` where record and documents do not agree. */
async function openStored({ store, named, platform, record }: Verifying): Promise<Opened> {
  const stored = readStoredImage(store, record);
  const image = await readImage(storeSource(store, named), { platform: parsePlatform(platform) });
  verifyEqual("manifest", image.manifestDescriptor.digest, stored.manifest);
  verifyEqual("config", image.parsedManifest.config.digest, stored.config);
  verifyEqual("number of layers", String(image.layers.length), String(stored.layers.length));
  return { stored, image };
}

function verifyEqual(what: string, actual: string, want: string): void {
  if (actual === want) return;
  throw new AshlarError("VERIFY_IMAGE", `Cannot verify the image: its ${what} is ${actual}, want ${want}`);
}

async function verifyLayer(
  store: Store,
  plan: LayerPlan,
  layer: OpenImage["layers"][number] | undefined,
): Promise<ProvenLayer> {
  if (layer === undefined) throw new Error("internal error: as many layers as plans were counted");
  const { descriptor: { digest }, diffId } = layer;
  try {
    for await (const _ of openLayerTar(layer));
    return { name: plan.name, digest, diffId, proven: "blob" };
  } catch (error) {
    if (!isAshlarError(error, "LAYER_BLOB_ABSENT") || plan.kind !== "tar") throw error;
    verifyEqual("diffId", tarDigest(store, plan), diffId);
    return { name: plan.name, digest, diffId, proven: "tar" };
  }
}

function tarDigest(store: Store, { recipe }: TarPlan): Digest {
  const hasher = new Hasher();
  for (const piece of writeRecipe(parseRecipe(store.stream(recipe)), (content) => store.stream(content))) {
    hasher.update(piece);
  }
  return hasher.digest();
}
