// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { type LayerMaker, type LayerSpool, openLayer, type PublishedLayer } from "../layer/index.ts";
import { type Descriptor, describeBytes, type ImageSource, parseIndex, parseManifest } from "../oci/index.ts";
import type { Store } from "../store/index.ts";
import { type NamedRecord, readStoredImage } from "./record.ts";
import { describeStored } from "./stored-layers.ts";

export interface StoreSourceOptions {
  readonly spool?: LayerSpool | undefined;
  /** Opens the place that an image was pulled from, for blobs that the store does not keep. */
  readonly openOrigin?: ((origin: string) => ImageSource) | undefined;
}

/** An image of the store as a place to copy from: layers are composed while they are read, or come from a spool. */
export function storeSource(store: Store, named: NamedRecord, options: StoreSourceOptions = {}): ImageSource {
  const maker: LayerMaker = { store, compressor: loadCompressor, spool: options.spool };
  let layers: Promise<Map<Digest, StoredLayer>> | undefined;
  const documents = documentsOf(store, named);
  return {
    resolve: async () => {
      const bytes = store.read(named.digest);
      // An image made elsewhere may have a manifest of docker's.
      const { mediaType } = documents.manifests.has(named.digest) ? parseManifest(bytes) : parseIndex(bytes);
      return describeBytes(mediaType, bytes);
    },
    manifest: async (descriptor) => store.read(descriptor.digest),
    blob: async function* (descriptor) {
      if (documents.configs.has(descriptor.digest)) {
        yield store.read(descriptor.digest);
        return;
      }
      layers ??= layersOf(named, maker);
      const layer = (await layers).get(descriptor.digest);
      if (layer === undefined) throw missing(descriptor);
      yield* openLayer(layer.plan, layer.blob, { ...maker, elsewhere: elsewhereOf(layer.origin, options) });
    },
  };
}

interface StoredLayer extends PublishedLayer {
  readonly origin: string | undefined;
}

function elsewhereOf(origin: string | undefined, { openOrigin }: StoreSourceOptions): LayerMaker["elsewhere"] {
  return origin === undefined || openOrigin === undefined ? undefined : (plan) => openOrigin(origin).blob(plan);
}

function documentsOf(
  store: Store,
  named: NamedRecord,
): { readonly manifests: Set<Digest>; readonly configs: Set<Digest> } {
  const records = named.images.map((image) => readStoredImage(store, image.record));
  return {
    manifests: new Set(records.map((record) => record.manifest)),
    configs: new Set(records.map((record) => record.config)),
  };
}

async function layersOf(
  named: NamedRecord,
  maker: LayerMaker,
): Promise<Map<Digest, StoredLayer>> {
  const found = new Map<Digest, StoredLayer>();
  for (const { record } of named.images) {
    const image = readStoredImage(maker.store, record);
    const { origin } = image;
    for (const layer of await describeStored(image, maker)) found.set(layer.blob.digest, { ...layer, origin });
  }
  return found;
}

function missing(descriptor: Descriptor): AshlarError {
  return new AshlarError(
    "OCI_BLOB_MISSING",
    `Cannot read blob "${descriptor.digest}": its files do not make it`,
    { hint: "if another release of Ashlar built it, build it again; if it was pulled, pull it again" },
  );
}
