// SPDX-License-Identifier: Apache-2.0
import { describeLayer, describePublished, type LayerMaker, type PublishedLayer } from "../layer/index.ts";
import { parseManifest } from "../oci/index.ts";
import type { StoredImage } from "./record.ts";

/**
 * The layers of an image of the store, bottom first: with the blobs that its manifest names wherever they can be made,
 * else with what its files make now.
 */
export async function describeStored(
  image: Pick<StoredImage, "layers" | "manifest" | "form">,
  maker: LayerMaker,
): Promise<readonly PublishedLayer[]> {
  const published = parseManifest(maker.store.read(image.manifest)).layers;
  const found: PublishedLayer[] = [];
  for (const [i, plan] of image.layers.entries()) {
    const { form } = image;
    const digest = published[i]?.digest;
    const right = digest === undefined ? undefined : await describePublished(plan, digest, { form, maker });
    found.push(right ?? { plan, blob: await describeLayer(plan, form, maker) });
  }
  return found;
}
