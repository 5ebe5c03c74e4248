// SPDX-License-Identifier: Apache-2.0
import { constants, zstdCompressSync } from "node:zlib";

import { digestOf, parsePath } from "../../base/index.ts";
import { type Compressor, compressorId, type Entry, loadCompressor, makeTree, type Tree } from "../../formats/index.ts";
import { type ComposedPlan, describeLayer, openLayer, splitDirectories } from "../../layer/index.ts";
import {
  annotationKeys,
  describeBytes,
  encodeConfig,
  encodeManifest,
  type Image,
  type Layer,
  mediaTypes,
  parseManifest,
  parsePlatform,
} from "../../oci/index.ts";
import { memoryStore, type Store } from "../../store/index.ts";

const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };

/** Another compressor than ours: what a blob of somebody else looks like. */
export const otherCompressor: Compressor = {
  id: "zstd-of-somebody/9",
  compress: (raw) => zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: 9 } }),
};

export interface ChunkedOptions {
  /** Path to content, one block for each map; directories are made. */
  readonly layers: readonly (readonly Readonly<Record<string, string | Uint8Array>>[])[];
  readonly compressor?: Compressor;
  /** Changes what stands in a block, as only another program than Ashlar writes it. */
  readonly change?: (block: Tree) => Tree;
}

/** Makes an image of zstd:chunked layers; its parts are bytes in memory. */
export async function chunkedImage(options: ChunkedOptions): Promise<Image> {
  const { layers, compressor, change = (block) => block } = options;
  const used = compressor ?? (await loadCompressor());
  const store = memoryStore({ compressor: used });
  const made: Layer[] = [];
  for (const blocks of layers) {
    const trees = blocks.map((files) => change(treeOf(store, files)));
    made.push(await layerOf(store, trees, used));
  }
  const config = encodeConfig({
    created: "2026-01-02T03:04:05Z",
    platform: parsePlatform("linux/amd64"),
    config: { entrypoint: ["/bin/true"] },
    diffIds: made.map(({ diffId }) => diffId),
    history: made.map((_, i) => ({ createdBy: `sample ${i}` })),
  });
  const manifest = encodeManifest({
    mediaType: mediaTypes.manifest,
    config: describeBytes(mediaTypes.config, config),
    layers: made.map(({ descriptor }) => descriptor),
    annotations: { [annotationKeys.compressor]: used.id === compressorId() ? compressorId() : used.id },
  });
  const manifestDescriptor = describeBytes(mediaTypes.manifest, manifest);
  return { platform: parsePlatform("linux/amd64"), manifest, manifestDescriptor, config, layers: made };
}

/** The same image, but for the annotations of its first layer. */
export function withAnnotations(image: Image, annotations: Readonly<Record<string, string>>): Image {
  const layers = image.layers.map((layer, i): Layer => {
    return i > 0 ? layer : { ...layer, descriptor: { ...layer.descriptor, annotations } };
  });
  const parsed = parseManifest(image.manifest);
  const manifest = encodeManifest({ ...parsed, layers: layers.map(({ descriptor }) => descriptor) });
  return { ...image, layers, manifest, manifestDescriptor: describeBytes(mediaTypes.manifest, manifest) };
}

async function layerOf(
  store: Store,
  trees: readonly Tree[],
  compressor: Compressor,
): Promise<Layer> {
  const all = makeTree(new Map(trees.flat().map((entry) => [entry.path, entry])).values());
  const plan: ComposedPlan = {
    name: "sample",
    directories: store.putTree(splitDirectories(all).directories),
    blocks: trees.map((tree) => store.putTree(splitDirectories(tree).rest)),
  };
  const maker = { store, compressor: () => Promise.resolve(compressor) };
  const blob = await describeLayer(plan, "zstd:chunked", maker);
  const pieces: Uint8Array[] = [];
  for await (const piece of openLayer(plan, blob, maker)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const { mediaType, digest, sizeBytes, annotations, diffId } = blob;
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
  }
  return { descriptor: { mediaType, digest, sizeBytes, annotations }, diffId, open };
}

function treeOf(store: Store, files: Readonly<Record<string, string | Uint8Array>>): Tree {
  const entries = new Map<string, Entry>();
  for (const [name, content] of Object.entries(files)) {
    const path = parsePath(name);
    const parts = path.split("/").slice(0, -1);
    parts.forEach((_, i) => {
      const dir = parsePath(parts.slice(0, i + 1).join("/"));
      entries.set(dir, { ...meta, type: "dir", path: dir, mode: 0o755 });
    });
    const bytes = Buffer.from(content as string);
    if (bytes.length > 0) store.put(bytes);
    const sizeBytes = bytes.length;
    entries.set(path, { ...meta, type: "file", path, mode: 0o644, sizeBytes, content: digestOf(bytes) });
  }
  return makeTree(entries.values());
}
