// SPDX-License-Identifier: Apache-2.0
import type { Digest, ProgressStep } from "../base/index.ts";
import { type LayerPlan, rememberLayer } from "../layer/index.ts";
import { knownPlan } from "./known-plan.ts";
import { type LayerWay, storedBytes, type WantedLayer, whyWhole } from "./layer-way.ts";
import { takeLayer } from "./take-layer.ts";

/** How a layer came. */
export interface LayerReport {
  readonly digest: Digest;
  /** `known`: it was here; `files`: only missing files were fetched; `whole`: the blob was read. */
  readonly way: LayerWay["kind"];
  /** Files that were fetched, and their bytes as stored. */
  readonly fetchedFiles: number;
  readonly fetchedBytes: number;
  /** Why it was read whole where it looked as if it need not. */
  readonly why?: string;
}

/** A layer that is in the store now. */
export interface Brought {
  readonly plan: LayerPlan;
  readonly report: LayerReport;
}

/** Blobs that are read whole at a time. */
const wholeMax = 3;

/**
 * Makes the plan of each layer and remembers it, in the order of `wanted`. Proofs come one after the other, as they
 * keep the processor busy; blobs that are read whole come side by side.
 */
export async function finishLayers(
  wanted: readonly WantedLayer[],
  ways: readonly LayerWay[],
  shown: ProgressStep,
): Promise<readonly Brought[]> {
  const brought: (Brought | undefined)[] = [];
  const whole: { readonly i: number; readonly why: string | undefined }[] = [];
  for (const [i, layer] of wanted.entries()) {
    const done = await finishLayer(layer, ways[i] as LayerWay);
    if ("plan" in done) brought[i] = remember(layer, done);
    else whole.push({ i, why: done.why });
  }
  const running = new Map<Digest, Promise<Brought>>();
  const take = async (): Promise<void> => {
    for (let next = whole.shift(); next !== undefined; next = whole.shift()) {
      const [layer, why] = [wanted[next.i] as WantedLayer, next.why];
      const { digest } = layer.layer.descriptor;
      // An image may have one layer twice: then it is known the second time.
      const before = running.get(digest) ?? Promise.resolve();
      const work = before.then(async () => remember(layer, await takeWhole(layer, why, shown)));
      running.set(digest, work);
      brought[next.i] = await work;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: wholeMax }, take));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return brought as Brought[];
}

function remember({ store, layer }: WantedLayer, brought: Brought): Brought {
  rememberLayer(store, layer.descriptor.digest, brought.plan);
  return brought;
}

/** What came of a way; a reason, or none, where the blob must be read whole. */
async function finishLayer(
  { layer }: WantedLayer,
  way: LayerWay,
): Promise<Brought | { readonly why: string | undefined }> {
  const { digest } = layer.descriptor;
  if (way.kind === "whole") return { why: way.why };
  if (way.kind === "known") {
    return { plan: way.plan, report: { digest, way: "known", fetchedFiles: 0, fetchedBytes: 0 } };
  }
  try {
    const counts = { fetchedFiles: way.missing.length, fetchedBytes: storedBytes(way.missing) };
    return { plan: await way.finish(), report: { digest, way: "files", ...counts } };
  } catch (error) {
    return { why: whyWhole(error) };
  }
}

async function takeWhole(wanted: WantedLayer, why: string | undefined, shown: ProgressStep): Promise<Brought> {
  const { digest, sizeBytes } = wanted.layer.descriptor;
  const report: LayerReport = { digest, way: "whole", fetchedFiles: 0, fetchedBytes: sizeBytes };
  const plan = (await knownPlan(wanted)) ?? (await takeLayer(wanted, shown));
  return { plan, report: why === undefined ? report : { ...report, why } };
}
