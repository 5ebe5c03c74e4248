// SPDX-License-Identifier: Apache-2.0
import { AshlarError, Hasher } from "../base/index.ts";
import { decompress } from "../formats/index.ts";
import type { Layer } from "./image.ts";
import { ociLimits } from "./limits.ts";
import { layerCompression } from "./media-types.ts";
import { verifyBlob } from "./verify-blob.ts";

/**
 * The uncompressed tar of a layer, in pieces valid until the next is asked for. The blob's size and digest and
 * the tar's diffId are verified; what came is to be trusted only once the end is reached. Throws `OCI_BLOB_*`,
 * `OCI_DIFF_ID`, `OCI_MEDIA_TYPE` and the errors of `decompress`.
 */
export async function* openLayerTar(layer: Layer): AsyncGenerator<Uint8Array, void, void> {
  const { descriptor, diffId } = layer;
  const compression = layerCompression(descriptor.mediaType);
  const what = `layer "${descriptor.digest}"`;
  const blob = verifyBlob(descriptor, layer.open());
  const hasher = new Hasher();
  for await (const piece of decompress(compression, blob, { maxBytes: ociLimits.layerTarBytesMax, what })) {
    hasher.update(piece);
    yield piece;
  }
  const actual = hasher.digest();
  if (actual === diffId) return;
  throw new AshlarError(
    "OCI_DIFF_ID",
    `Cannot read ${what}: its tar has diffId ${actual}, want ${diffId} as the config says`,
  );
}
