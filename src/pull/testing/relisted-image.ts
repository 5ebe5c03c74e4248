// SPDX-License-Identifier: Apache-2.0
import { zstdCompressSync } from "node:zlib";

import { digestOf } from "../../base/index.ts";
import { decompressSync, skippableFrame } from "../../formats/index.ts";
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

/** The image with a first layer of the same tar, but of other tables: what its writer claims. */
export async function relistedImage(image: Image, change: (tables: Tables) => Tables): Promise<Image> {
  const [first, ...others] = image.layers as [Layer, ...Layer[]];
  const layers = [await relist(first, change), ...others];
  const parsed = parseManifest(image.manifest);
  const manifest = encodeManifest({ ...parsed, layers: layers.map(({ descriptor }) => descriptor) });
  const manifestDescriptor = describeBytes(image.manifestDescriptor.mediaType, manifest);
  return { ...image, manifest, manifestDescriptor, layers };
}

async function relist({ descriptor, diffId, open }: Layer, change: (tables: Tables) => Tables): Promise<Layer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of open()) pieces.push(Uint8Array.from(piece));
  const blob = Buffer.concat(pieces);
  const annotations = descriptor.annotations ?? {};
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
  const bytes = Buffer.concat([blob, skippableFrame(toc), skippableFrame(tarSplit)]);
  const tarSplitAt = blob.length + 8 + toc.length + 8;
  return {
    diffId,
    descriptor: {
      ...describeBytes(descriptor.mediaType, bytes),
      annotations: {
        [annotationKeys.chunkedChecksum]: digestOf(toc),
        [annotationKeys.chunkedPosition]: `${blob.length + 8}:${toc.length}:${tocRaw.length}:1`,
        [annotationKeys.chunkedTarSplitPosition]: `${tarSplitAt}:${tarSplit.length}:${tarSplitRaw.length}`,
      },
    },
    async *open() {
      yield bytes;
    },
  };
}
