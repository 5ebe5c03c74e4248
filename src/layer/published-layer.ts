// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { knownLayer, rememberLayer } from "./known-layer.ts";
import { describeLayer, type LayerBlob, type LayerMaker } from "./layer.ts";
import { type LayerForm, type LayerPlan, withoutClaims } from "./plan.ts";

export interface PublishedLayer {
  readonly plan: LayerPlan;
  readonly blob: LayerBlob;
}

/**
 * A layer whose blob has the digest that was published: of `plan` as it is; where the store has other frames by now
 * than those that were trusted, of the same with all frames made by our compressor, which is remembered instead; else
 * of what the blob was brought as later. Undefined where none of them gives it.
 */
export async function describePublished(
  plan: LayerPlan,
  digest: Digest,
  { form, maker }: { readonly form: LayerForm; readonly maker: LayerMaker },
): Promise<PublishedLayer | undefined> {
  const asItIs = await describeLayer(plan, form, maker);
  if (asItIs.digest === digest) return { plan, blob: asItIs };
  if (plan.kind === undefined && plan.claimed === true) {
    const proven = withoutClaims(plan);
    const blob = await describeLayer(proven, form, maker);
    if (blob.digest === digest) {
      rememberLayer(maker.store, digest, { ...proven, form: blob.form });
      return { plan: proven, blob };
    }
  }
  const later = knownLayer(maker.store, digest);
  if (later === undefined) return undefined;
  const found = { ...later, name: plan.name };
  const blob = await describeLayer(found, form, maker);
  return blob.digest === digest ? { plan: found, blob } : undefined;
}
