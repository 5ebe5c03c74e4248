// SPDX-License-Identifier: Apache-2.0
import { putOwnedTree } from "../assemble/index.ts";
import { canonicalJson, type Digest, type Json, type Progress } from "../base/index.ts";
import { compressorId } from "../formats/index.ts";
import type { LayerPlan } from "../layer/index.ts";
import { annotationKeys, type ImageSource, layerCompression, mediaTypes, type OpenImage } from "../oci/index.ts";
import { LayerStack } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { bringLayers } from "./bring-layers.ts";
import type { LayerReport } from "./finish-layers.ts";
import { type ForeignRecord, putForeignRecord } from "./foreign-record.ts";
import { readForeignPackages } from "./installed-packages.ts";
import type { WantedLayer } from "./layer-way.ts";
import { stackLayer } from "./visit-layer.ts";

export interface BringRequest {
  readonly store: Store;
  readonly source: ImageSource;
  /** The bytes of what was asked for: the image's manifest, or the index it was chosen from. */
  readonly root: Uint8Array;
  readonly image: OpenImage;
  /** For progress. */
  readonly name: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  /** Keeps blobs that cannot be made again, so that the image can be passed on without where it came from. */
  readonly keepBlobs: boolean;
  /** Where it came from, when that can be asked again; kept in the record where blobs are not. */
  readonly origin?: string | undefined;
  /** Trees that layers of the store's images are made of: what is equal in them need not be fetched. */
  readonly partsHere?: (() => Iterable<Digest>) | undefined;
}

/** An image that is in the store now. */
export interface BroughtImage {
  /** Digest of its `ForeignRecord`. */
  readonly record: Digest;
  readonly layers: readonly LayerReport[];
}

/**
 * Brings an image that was made elsewhere into the store by file: what the store has is not fetched where the place
 * and the layers allow it. Manifest, config, contents, diffIds and the tree they make are verified before anything
 * counts; what arrived stays when it is interrupted. Throws `OCI_*`, `PULL_*`, `QUERY_LAYER_*`, `FORMATS_*`,
 * `BUILD_BASE_DPKG`, and what the source throws.
 */
export async function bringImage(request: BringRequest): Promise<BroughtImage> {
  const lease = request.store.lease();
  try {
    const { image, name, progress, signal } = request;
    const wanted = image.layers.map((_, i) => wantedLayer(request, i));
    const { plans, reports } = await bringLayers(wanted, { name, progress, signal });
    return { record: await putRecord(request, plans), layers: reports };
  } finally {
    lease.release();
  }
}

function wantedLayer(request: BringRequest, index: number): WantedLayer {
  const { store, source, image, keepBlobs: keepBlob, partsHere = () => [] } = request;
  const { parsedManifest, parsedConfig, layers } = image;
  const layer = layers[index];
  if (layer === undefined) throw new Error("internal error: an image without this layer");
  const types = { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, xz: "" };
  // Docker's media types become those of OCI that mean the same, as manifests of ours that stand on it are of OCI.
  const mediaType = types[layerCompression(layer.descriptor.mediaType)];
  const isOurs = parsedManifest.annotations?.[annotationKeys.compressor] === compressorId();
  const made = parsedConfig.history.filter((step) => step.emptyLayer !== true)[index]?.createdBy;
  const name = /^ashlar: ([\w ]{1,40})$/.exec(made ?? "")?.[1] ?? `from ${index + 1}`;
  const descriptor = { ...layer.descriptor, mediaType };
  return { store, source, layer: { ...layer, descriptor }, name, isOurs, partsHere, keepBlob };
}

async function putRecord(request: BringRequest, layers: readonly LayerPlan[]): Promise<Digest> {
  const { store, image, origin } = request;
  const stack = new LayerStack();
  for (const plan of layers) await stackLayer(stack, plan, store);
  const { tree } = stack.result();
  const { installed, owners } = readForeignPackages(tree, (content) => store.read(content));
  const pack = store.beginPack();
  try {
    const record: ForeignRecord = {
      kind: "foreign/v1",
      root: pack.put(request.root).digest,
      manifest: pack.put(image.manifest).digest,
      config: pack.put(image.config).digest,
      layers,
      ...putOwnedTree(store, pack, { tree, owners }),
      packages: pack.put(Buffer.from(canonicalJson(installed as unknown as Json), "utf8")).digest,
      ...(origin === undefined ? {} : { origin }),
    };
    const digest = putForeignRecord(store, record, pack);
    pack.commit();
    return digest;
  } finally {
    pack.abort();
  }
}
