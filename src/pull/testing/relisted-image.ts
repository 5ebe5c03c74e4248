// SPDX-License-Identifier: Apache-2.0
import { zstdCompressSync } from "node:zlib";

import { digestOf } from "../../base/index.ts";
import { decompressSync, loadCompressor, skippableFrame, type Tree } from "../../formats/index.ts";
import { encodeLayerIndex } from "../../layer/index.ts";
import { writtenToc } from "../../layer/testing/written-toc.ts";
import {
  annotationKeys,
  describeBytes,
  encodeManifest,
  type Image,
  type Layer,
  parseManifest,
} from "../../oci/index.ts";

/** Entries of a table of contents and of a tar-split, as JSON. */
export interface Tables {
  readonly toc: Record<string, unknown>[];
  readonly tarSplit: Record<string, unknown>[];
}

/** The image with layers of the same tars, but of other tables: what their writer claims. */
export async function relistedImage(image: Image, change: (tables: Tables) => Tables): Promise<Image> {
  return withLayers(image, await Promise.all(image.layers.map((layer) => relist(layer, change))));
}

/** The image with a first layer of the same tar, which says of itself that Ashlar made it of these parts. */
export async function reindexedImage(image: Image, parts: readonly Tree[]): Promise<Image> {
  const [first, ...others] = image.layers as [Layer, ...Layer[]];
  const toc = writtenToc(parts, await loadCompressor());
  const annotations = {
    [annotationKeys.layerIndex]: encodeLayerIndex(toc.index),
    [annotationKeys.chunkedChecksum]: digestOf(toc.stored),
  };
  const position = `${toc.stored.length}:${toc.rawBytes}:1`;
  const layer = await appended(first, [toc.stored], ([at]) => ({
    ...annotations,
    [annotationKeys.chunkedPosition]: `${at}:${position}`,
  }));
  return withLayers(image, [layer, ...others]);
}

function withLayers(image: Image, layers: readonly Layer[]): Image {
  const parsed = parseManifest(image.manifest);
  const manifest = encodeManifest({ ...parsed, layers: layers.map(({ descriptor }) => descriptor) });
  const manifestDescriptor = describeBytes(image.manifestDescriptor.mediaType, manifest);
  return { ...image, manifest, manifestDescriptor, layers };
}

async function relist(layer: Layer, change: (tables: Tables) => Tables): Promise<Layer> {
  const blob = await bytesOf(layer.open);
  const annotations = layer.descriptor.annotations ?? {};
  const section = (key: string): string => {
    const [offset, length] = (annotations[key] ?? "").split(":").map(Number) as [number, number];
    const raw = decompressSync("zstd", blob.subarray(offset, offset + length), { maxBytes: 1 << 24, what: "a table" });
    return Buffer.from(raw).toString("utf8");
  };
  const told = change({
    toc: (JSON.parse(section(annotationKeys.chunkedPosition)) as { entries: Tables["toc"] }).entries,
    tarSplit: section(annotationKeys.chunkedTarSplitPosition).trim().split("\n").map((line) => JSON.parse(line)),
  });
  const tarSplitRaw = Buffer.from(told.tarSplit.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const tarSplit = zstdCompressSync(tarSplitRaw);
  const tocRaw = Buffer.from(JSON.stringify({ version: 1, entries: told.toc, tarSplitDigest: digestOf(tarSplit) }));
  const toc = zstdCompressSync(tocRaw);
  return appended(layer, [toc, tarSplit], ([tocAt, tarSplitAt]) => ({
    [annotationKeys.chunkedChecksum]: digestOf(toc),
    [annotationKeys.chunkedPosition]: `${tocAt}:${toc.length}:${tocRaw.length}:1`,
    [annotationKeys.chunkedTarSplitPosition]: `${tarSplitAt}:${tarSplit.length}:${tarSplitRaw.length}`,
  }));
}

/** The layer with sections behind its data that readers of the tar skip; annotations say where they are. */
async function appended(
  { descriptor, diffId, open }: Layer,
  sections: readonly Uint8Array[],
  annotationsOf: (offsets: readonly number[]) => Record<string, string>,
): Promise<Layer> {
  const pieces = [await bytesOf(open)];
  const offsets: number[] = [];
  for (const section of sections) {
    offsets.push(pieces.reduce((sum, { length }) => sum + length, 8));
    pieces.push(skippableFrame(section));
  }
  const bytes = Buffer.concat(pieces);
  return {
    diffId,
    descriptor: { ...describeBytes(descriptor.mediaType, bytes), annotations: annotationsOf(offsets) },
    async *open() {
      yield bytes;
    },
  };
}

async function bytesOf(open: Layer["open"]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of open()) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}
