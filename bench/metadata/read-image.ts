// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../../src/base/index.ts";
import { findImage, readImageRecord } from "../../src/build/index.ts";
import { type Compressor, decompressSync, type Entry } from "../../src/formats/index.ts";
import { describeLayer, type LayerPlan, openLayer, readParts } from "../../src/layer/index.ts";
import type { Store } from "../../src/store/index.ts";

/** An entry of a layer with its place in the blob. */
export interface PlacedEntry {
  readonly entry: Entry;
  /** Its objects in the table of contents: one, and one for each frame after the first. */
  readonly toc: string;
  /** Compressed bytes of its content in the blob, and of what stands between it and the content before. */
  readonly storedBytes: number;
  readonly gapBytes: number;
  /** Where its content starts. */
  readonly offset: number;
}

/** The directories of a layer, or one block. */
export type Part = readonly PlacedEntry[];

export interface MeasuredLayer {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly tocBytes: number;
  readonly tarSplitBytes: number;
  readonly parts: readonly Part[];
}

export interface MeasuredImage {
  readonly name: string;
  readonly manifestBytes: number;
  readonly layers: readonly MeasuredLayer[];
}

/** Reads an image of one platform from the store, with its layers as zstd:chunked blobs. */
export async function readImage(store: Store, name: string, compressor: Compressor): Promise<MeasuredImage> {
  const named = findImage(store, name);
  const record = readImageRecord(store, (named.images[0] as { readonly record: Digest }).record);
  const layers: MeasuredLayer[] = [];
  for (const plan of record.layers) layers.push(await readLayer(store, plan, compressor));
  return { name, manifestBytes: store.info(record.manifest)?.sizeBytes ?? 0, layers };
}

async function readLayer(store: Store, plan: LayerPlan, compressor: Compressor): Promise<MeasuredLayer> {
  if (plan.kind !== undefined) throw new Error("layers of others are not measured");
  const maker = { store, compressor: () => Promise.resolve(compressor) };
  const blob = await describeLayer(plan, "zstd:chunked", maker);
  const positions = (name: string): number[] =>
    (blob.annotations[`io.github.containers.zstd-chunked.${name}`] as string).split(":").map(Number);
  const [tocAt, cutBytes, tocRawBytes] = positions("manifest-position") as [number, number, number];
  const pieces: Uint8Array[] = [];
  for await (const piece of openLayer(plan, blob, maker)) pieces.push(piece);
  const frame = Buffer.concat(pieces).subarray(tocAt, tocAt + cutBytes);
  const raw = decompressSync("zstd", frame, { maxBytes: tocRawBytes, what: "the table of contents" });
  const toc = Buffer.from(raw).toString("utf8");
  const { directories, blocks } = readParts(store, plan);
  const { digest, sizeBytes } = blob;
  // As it was before it was cut into nodes: form a.
  const tocBytes = compressor.compress(raw).length;
  const tarSplitBytes = positions("tarsplit-position")[1] as number;
  return { digest, sizeBytes, tocBytes, tarSplitBytes, parts: placeParts([directories, ...blocks], toc) };
}

function placeParts(trees: readonly (readonly Entry[])[], toc: string): Part[] {
  const start = toc.indexOf("[") + 1;
  const lines: string[] = [];
  for (const line of toc.slice(start, toc.lastIndexOf("]")).split(",\n")) {
    if (line.startsWith('{"type":"chunk"')) lines.push(`${lines.pop()},\n${line}`);
    else lines.push(line);
  }
  let at = 0;
  let end = 0;
  return trees.map((tree) =>
    tree.map((entry) => {
      const line = lines[at++] as string;
      const offset = Number(/"offset":(\d+)/.exec(line)?.[1] ?? end);
      const gapBytes = offset - end;
      const stop = Number(/"endOffset":(\d+)/.exec(line)?.[1] ?? end);
      const storedBytes = stop - offset;
      end = Math.max(end, stop);
      return { entry, toc: line, storedBytes: Math.max(0, storedBytes), gapBytes, offset };
    }),
  );
}
