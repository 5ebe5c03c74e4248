// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../../src/base/index.ts";
import type { MeasuredImage, PlacedEntry } from "./read-image.ts";

/**
 * The image as it would be with other bytes in `fileCount` of its files, which lie in `runCount` evenly spread runs.
 * Every layer is a new one, sizes stay what they are: a rebuild elsewhere, or of an image whose base moved a little.
 */
export function touchImage(image: MeasuredImage, fileCount: number, runCount: number): MeasuredImage {
  const isFile = ({ entry }: PlacedEntry): boolean => entry.type === "file" && entry.sizeBytes > 0;
  const all = image.layers.flatMap((layer) => layer.parts.flat()).filter(isFile);
  const every = Math.floor(all.length / runCount);
  const length = Math.ceil(fileCount / runCount);
  const touched = new Set(all.filter((_, i) => i % every >= every - length).slice(0, fileCount));
  const touch = (placed: PlacedEntry): PlacedEntry => {
    if (!touched.has(placed) || placed.entry.type !== "file") return placed;
    const content = digestOf(`touched ${placed.entry.content}`);
    return { ...placed, entry: { ...placed.entry, content }, toc: placed.toc.replace(placed.entry.content, content) };
  };
  const layers = image.layers.map((layer) => ({
    ...layer,
    digest: digestOf(`${runCount} touched ${layer.digest}`),
    parts: layer.parts.map((part) => part.map(touch)),
  }));
  return { ...image, name: `${fileCount} files in ${runCount} runs`, layers };
}
