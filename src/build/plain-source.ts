// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { describeLayer, openLayer, type LayerPlan, parseRecipe, writeRecipe } from "../layer/index.ts";
import {
  annotationKeys,
  type Descriptor,
  describeBytes,
  encodeManifest,
  type ImageSource,
  mediaTypes,
  parseManifest,
} from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { readStoredImage } from "./record.ts";

/**
 * One image of the store with its layers as plain tars, which can always be made of its files. The manifest is another
 * one, the config and so the image ID the same: for engines, which unpack what they get.
 */
export async function plainSource(store: Store, record: Digest): Promise<ImageSource> {
  const { layers, manifest, config } = readStoredImage(store, record);
  const parsed = parseManifest(store.read(manifest));
  const plain = new Map<Digest, LayerPlan>();
  const descriptors: Descriptor[] = [];
  for (const plan of layers) {
    const descriptor = await describePlain(store, plan);
    plain.set(descriptor.digest, plan);
    descriptors.push(descriptor);
  }
  const { [annotationKeys.compressor]: _none, ...annotations } = parsed.annotations ?? {};
  const bytes = encodeManifest({ ...parsed, mediaType: mediaTypes.manifest, annotations, layers: descriptors });
  return {
    resolve: async () => describeBytes(mediaTypes.manifest, bytes),
    manifest: async () => bytes,
    async *blob({ digest }) {
      const plan = plain.get(digest);
      if (digest === config) yield store.read(config);
      else if (plan !== undefined) yield* openPlain(store, plan);
      else throw new AshlarError("OCI_BLOB_MISSING", `Cannot read blob "${digest}": the image has no such layer`);
    },
  };
}

async function describePlain(store: Store, plan: LayerPlan): Promise<Descriptor> {
  const mediaType = mediaTypes.layer;
  if (plan.kind === undefined) {
    const { digest, sizeBytes } = await describeLayer(unpinned(plan), "none", { store, compressor: loadCompressor });
    return { mediaType, digest, sizeBytes };
  }
  // The diffId was proven when the layer came, and whoever reads the tar holds it against the descriptor.
  return { mediaType, digest: plan.diffId, sizeBytes: tarBytesOf(store, plan.recipe) };
}

function tarBytesOf(store: Store, recipe: Digest): number {
  let sizeBytes = 0;
  for (const { raw, content } of parseRecipe(store.stream(recipe))) {
    sizeBytes += content === undefined ? raw.length : (store.info(content)?.sizeBytes ?? 0);
  }
  return sizeBytes;
}

async function* openPlain(store: Store, plan: LayerPlan): AsyncGenerator<Uint8Array> {
  if (plan.kind === "tar") return yield* writeTarOf(store, plan.recipe);
  const maker = { store, compressor: loadCompressor };
  yield* openLayer(unpinned(plan), await describeLayer(unpinned(plan), "none", maker), maker);
}

function writeTarOf(store: Store, recipe: Digest): ReturnType<typeof writeRecipe> {
  return writeRecipe(parseRecipe(store.stream(recipe)), (content) => store.stream(content));
}

/** The plan without the form it was brought in. */
function unpinned<T extends LayerPlan>(plan: T): T {
  const { form: _form, ...rest } = plan as T & { form?: unknown };
  return rest as unknown as T;
}
