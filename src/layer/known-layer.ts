// SPDX-License-Identifier: Apache-2.0
import type { Digest, Json } from "../base/index.ts";
import type { Action, Store } from "../store/index.ts";
import { layerFormat, type LayerPlan, planReaches } from "./plan.ts";

function planAction(blob: Digest): Action {
  return { operation: "layer.plan", version: layerFormat, inputs: [blob] };
}

/** Remembers what a blob is made of, so that an image that has it needs nothing of it from elsewhere. */
export function rememberLayer(store: Store, blob: Digest, plan: LayerPlan): void {
  store.putAction(planAction(blob), { value: plan as unknown as Json, reaches: planReaches([plan]) });
}

/** The plan of a layer that was made or brought here before; undefined where it is not known or not here whole. */
export function knownLayer(store: Store, blob: Digest): LayerPlan | undefined {
  return store.getAction(planAction(blob))?.value as unknown as LayerPlan | undefined;
}
