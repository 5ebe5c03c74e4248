// SPDX-License-Identifier: Apache-2.0
import { loadCompressor } from "../formats/index.ts";
import { describeLayer, knownLayer, type LayerPlan } from "../layer/index.ts";
import type { WantedLayer } from "./layer-way.ts";

/** The plan of a layer that is here, under the name it has in this image; its tar must be the one the config wants. */
export async function knownPlan({ store, layer, name }: WantedLayer): Promise<LayerPlan | undefined> {
  const plan = knownLayer(store, layer.descriptor.digest);
  if (plan === undefined) return undefined;
  const { diffId } = await describeLayer(plan, "zstd:chunked", { store, compressor: loadCompressor });
  return diffId === layer.diffId ? { ...plan, name } : undefined;
}
