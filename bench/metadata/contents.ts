// SPDX-License-Identifier: Apache-2.0
import { exactBytes, planRanges, type Range, type Step } from "./ranges.ts";
import type { MeasuredImage, MeasuredLayer } from "./read-image.ts";

/** Single requests for contents at most. */
const requestCountMax = 20;

/** Contents of layers that no layer of the held image has; each is fetched once. */
export function missingContents(
  held: MeasuredImage,
  layers: readonly MeasuredLayer[],
): { readonly files: number; readonly exactBytes: number; readonly step: Step } {
  const known = new Set<string>();
  for (const layer of held.layers) for (const content of contentsOf(layer)) known.add(content.digest);
  const blobs = layers.map((layer) => missingRanges(layer, known));
  const step = planRanges(blobs, requestCountMax);
  return { files: blobs.flat().length, exactBytes: exactBytes(blobs), step };
}

/** Also adds what it found to what is known. */
function missingRanges(layer: MeasuredLayer, known: Set<string>): readonly Range[] {
  const ranges: Range[] = [];
  for (const { digest, start, end } of contentsOf(layer)) {
    if (known.has(digest)) continue;
    known.add(digest);
    ranges.push({ start, end });
  }
  return ranges;
}

function* contentsOf(layer: MeasuredLayer): Generator<Range & { readonly digest: string }> {
  for (const { entry, offset, storedBytes } of layer.parts.flat()) {
    if (entry.type === "file" && storedBytes > 0) {
      yield { digest: entry.content, start: offset, end: offset + storedBytes };
    }
  }
}
