// SPDX-License-Identifier: Apache-2.0
import { loadCompressor } from "../formats/index.ts";
import { describePublished, knownLayer, lacksBlob, type LayerPlan, planReaches } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedLayer } from "./layer-way.ts";

/**
 * The plan of a layer that is here with all its files, as this image calls and describes it. The blob's digest alone
 * proves nothing of what was taken by files, so its tar must be the one that the config wants.
 */
export async function knownPlan({ store, layer, name, keepBlob }: WantedLayer): Promise<LayerPlan | undefined> {
  const { digest, mediaType, sizeBytes, annotations = {} } = layer.descriptor;
  const plan = knownLayer(store, digest);
  if (plan === undefined || (keepBlob && lacksBlob(plan)) || !hasFiles(store, plan)) return undefined;
  const maker = { store, compressor: loadCompressor };
  const found = await describePublished(plan, digest, { form: "zstd:chunked", maker });
  if (found?.blob.diffId !== layer.diffId) return undefined;
  const right = found.plan;
  return right.kind === undefined ? { ...right, name } : { ...right, name, mediaType, sizeBytes, annotations };
}

/** Contents may have gone while the trees that name them stayed: what is damaged is dropped by fsck. */
function hasFiles(store: Store, plan: LayerPlan): boolean {
  const { trees } = planReaches([plan]);
  return trees.every((tree) => {
    return store.readTree(tree).every((entry) => entry.type !== "file" || store.has(entry.content));
  });
}
