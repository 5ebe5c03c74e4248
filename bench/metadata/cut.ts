// SPDX-License-Identifier: Apache-2.0
import { digestOf, hexOf } from "../../src/base/index.ts";
import type { Part, PlacedEntry } from "./read-image.ts";

/**
 * Cuts entries into nodes where the hash of a path says so, on average every `meanCount` entries, so that what is
 * added or removed moves no cut but its own. A node has at least a quarter and at most four times as many
 * entries. What has no more than `meanCount` stays whole; so does everything for 0.
 */
export function cutPart(part: Part, meanCount: number): readonly Part[] {
  if (meanCount === 0 || part.length <= meanCount) return [part];
  const nodes: PlacedEntry[][] = [[]];
  for (const placed of part) {
    const open = nodes.at(-1) as PlacedEntry[];
    open.push(placed);
    const isFull = open.length >= meanCount * 4 || (open.length >= meanCount / 4 && isCut(placed, meanCount));
    if (isFull) nodes.push([]);
  }
  return nodes.filter((node) => node.length > 0);
}

function isCut({ entry }: PlacedEntry, meanCount: number): boolean {
  return Number.parseInt(hexOf(digestOf(entry.path)).slice(0, 8), 16) % meanCount === 0;
}
