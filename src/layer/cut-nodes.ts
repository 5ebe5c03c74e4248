// SPDX-License-Identifier: Apache-2.0
import { pathToBytes } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";

/** Fixed for ever: other numbers would be other nodes, and clients would fetch what they have. */
const entryCountMin = 16;
const entryCountMax = 256;
/** A node ends in front of a path whose hash has these bits clear: after 64 entries beyond the least, on average. */
const boundaryMask = 63;

/**
 * Cuts a part of a layer into nodes, runs of consecutive entries. Where it is cut depends on paths alone, so a part
 * in which few files changed, came or went has the same nodes but for few. (docs/formats/layer.md)
 */
export function cutNodes(part: Tree): readonly Tree[] {
  const nodes: Entry[][] = [];
  let node: Entry[] = [];
  for (const entry of part) {
    const isFull = node.length >= entryCountMax;
    if (isFull || (node.length >= entryCountMin && (hashOf(entry.path) & boundaryMask) === 0)) {
      nodes.push(node);
      node = [];
    }
    node.push(entry);
  }
  if (node.length > 0) nodes.push(node);
  return nodes;
}

/** FNV-1a of 32 bits, its halves folded so that the low bits depend on all of them. */
function hashOf(path: string): number {
  let hash = 0x811c9dc5;
  for (const byte of pathToBytes(path)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 16)) >>> 0;
}
