// SPDX-License-Identifier: Apache-2.0
import { AshlarError, emptyDigest, type ProgressStep } from "../base/index.ts";
import type { LayerPlan } from "../layer/index.ts";
import { type Layer, openLayerTar } from "../oci/index.ts";
import type { PackWriter } from "../store/index.ts";
import type { WantedLayer } from "./layer-way.ts";
import { tarPlan } from "./prove-tar.ts";
import { resumedBlob } from "./resumed-blob.ts";
import { takeTar } from "./take-tar.ts";

/**
 * Brings a layer whose blob is had whole: its files are kept as it streams by, and serve whatever is brought next.
 * Digest, size and diffId are verified before anything of it counts; an interrupted download goes on where it
 * stopped. Throws `OCI_*`, `FORMATS_*` and what the source throws.
 */
export async function takeLayer(wanted: WantedLayer, shown: ProgressStep): Promise<LayerPlan> {
  const { store, source, layer, keepBlob } = wanted;
  const blob = resumedBlob(source, layer.descriptor, { path: store.downloadPath(layer.descriptor.digest), shown });
  const packs = { files: store.beginPack(), recipes: store.beginPack(), blobs: store.beginPack() };
  const all = Object.values(packs);
  try {
    const hasBlob = keepBlob && layer.descriptor.digest !== layer.diffId;
    const open = hasBlob ? () => keptBlob(layer, packs.blobs, blob.bytes) : blob.bytes;
    const recipe = await takeTar(openLayerTar({ ...layer, open }), packs);
    for (const pack of all) pack.commit();
    blob.forget();
    return tarPlan(wanted, { recipe, hasBlob });
  } finally {
    for (const pack of all) pack.abort();
  }
}

async function* keptBlob(
  { descriptor }: Layer,
  pack: PackWriter,
  open: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const writer = pack.open();
  for await (const bytes of open()) {
    writer.write(bytes);
    yield bytes;
  }
  const { digest } = writer.end();
  if (digest === descriptor.digest || descriptor.digest === emptyDigest) return;
  const message = `Cannot use blob "${descriptor.digest}": its bytes have digest ${digest}`;
  throw new AshlarError("OCI_BLOB_DIGEST", message, { details: { expected: descriptor.digest, actual: digest } });
}
