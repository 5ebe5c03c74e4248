// SPDX-License-Identifier: Apache-2.0
import { AshlarError, canonicalJson, type Digest, emptyDigest, type Json } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { ForeignPlan } from "../layer/index.ts";
import { type Layer, layerCompression, mediaTypes, type OpenImage } from "../oci/index.ts";
import { readLayerTree } from "../query/index.ts";
import type { PackWriter, Store } from "../store/index.ts";
import { BaseContents } from "./base-contents.ts";
import { readBasePackages } from "./base-packages.ts";
import { type BaseRecord, putBaseRecord } from "./base-record.ts";
import type { Progress } from "./progress.ts";
import { putOwnedTree } from "./stage.ts";

export interface ImportRequest {
  readonly store: Store;
  /** The bytes of what the spec names: the image's manifest, or the index it was chosen from. */
  readonly root: Uint8Array;
  readonly image: OpenImage;
  readonly name: string;
  readonly progress: Progress;
}

/**
 * Brings a foreign image into the store: its blobs as they are, and the files of the tree they make. Sizes,
 * digests and diffIds are verified before anything of it is kept. Returns the digest of its `BaseRecord`.
 * Throws what `readLayerTree` throws and `BUILD_BASE_DPKG`.
 */
export async function importBase(request: ImportRequest): Promise<Digest> {
  const { store, image, name, progress } = request;
  const layers = image.layers.map(planOf);
  const total = layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
  const shown = progress.start(`import base ${name}`, total, "bytes");
  const { tree, contents } = await takeLayers(request, (bytes) => shown.advance(bytes.length));
  shown.done(`${layers.length} layers`);
  const pack = store.beginPack();
  try {
    const { installed, owners } = readBasePackages(tree, (content) => store.read(content));
    const kept = new Set(tree.flatMap((entry) => (entry.type === "file" ? [entry.content] : [])));
    const putJson = (value: unknown): Digest =>
      pack.put(Buffer.from(canonicalJson(value as Json), "utf8")).digest;
    const record: BaseRecord = {
      kind: "base/v1",
      root: pack.put(request.root).digest,
      manifest: pack.put(image.manifest).digest,
      config: pack.put(image.config).digest,
      layers,
      ...putOwnedTree(store, pack, { tree, owners }),
      packages: putJson(installed),
      facts: putJson(contents.facts(store, kept)),
    };
    const digest = putBaseRecord(store, record, pack);
    pack.commit();
    return digest;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

/** Docker's media types become those of OCI that mean the same, as our manifest is one of OCI. */
function planOf({ descriptor, diffId }: Layer, index: number): ForeignPlan {
  const { digest, sizeBytes, annotations = {} } = descriptor;
  const types = { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd, xz: "" };
  const mediaType = types[layerCompression(descriptor.mediaType)];
  return { kind: "foreign", name: `from ${index + 1}`, mediaType, digest, sizeBytes, annotations, diffId };
}

/** Reads the layers once: blobs go into one pack, files into another, and both are kept or none. */
async function takeLayers(
  { store, image }: ImportRequest,
  onBytes: (bytes: Uint8Array) => void,
): Promise<{ readonly tree: Tree; readonly contents: BaseContents }> {
  const [blobs, files] = [store.beginPack(), store.beginPack()];
  try {
    const contents = new BaseContents(files);
    const layers = image.layers.map((layer) => ({ ...layer, open: () => keptBlob(layer, blobs, onBytes) }));
    const { tree } = await readLayerTree(layers, { take: contents.take });
    blobs.commit();
    files.commit();
    return { tree, contents };
  } catch (error) {
    blobs.abort();
    files.abort();
    throw error;
  }
}

async function* keptBlob(
  { descriptor, open }: Layer,
  pack: PackWriter,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const writer = pack.open();
  for await (const bytes of open()) {
    writer.write(bytes);
    onBytes(bytes);
    yield bytes;
  }
  const { digest } = writer.end();
  if (digest === descriptor.digest || descriptor.digest === emptyDigest) return;
  const message = `Cannot use blob "${descriptor.digest}": its bytes have digest ${digest}`;
  throw new AshlarError("OCI_BLOB_DIGEST", message, {
    details: { expected: descriptor.digest, actual: digest },
  });
}
