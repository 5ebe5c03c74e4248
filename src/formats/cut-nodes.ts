// SPDX-License-Identifier: Apache-2.0
import { pathToBytes } from "../base/index.ts";
import { encodeEntries, encodeTree, type Tree } from "./tree.ts";

/** How long the runs are that a list is cut into. */
export interface RunLengths {
  readonly countMin: number;
  readonly countMax: number;
  /** A run ends in front of a key whose hash has these bits clear, beyond the least length. */
  readonly boundaryMask: number;
}

/** Fixed for ever: other numbers would be other nodes, and clients would fetch what they have. 80 on average. */
const nodeLengths: RunLengths = { countMin: 16, countMax: 256, boundaryMask: 63 };

/**
 * How an encoded tree is cut for the store: 64 entries on average. Shorter pieces would make a change smaller and the
 * lists of pieces longer; of an even length, the ones that change are no longer than others.
 */
const pieceLengths: RunLengths = { countMin: 32, countMax: 128, boundaryMask: 31 };

/** A tree of fewer entries is one piece: its frame costs less than the list of its pieces would. */
const entryCountMin = 512;

/**
 * Cuts a part of a layer into nodes, runs of consecutive entries. Where it is cut depends on paths alone, so a part
 * in which few files changed, came or went has the same nodes but for few. (docs/formats/layer.md)
 */
export function cutNodes(part: Tree): readonly Tree[] {
  return cutRuns(part, ({ path }) => path, nodeLengths);
}

/** Encodes a tree as `encodeTree` does, in pieces that like trees share. A small one is one piece. */
export function encodeTreePieces(tree: Tree): readonly Uint8Array[] {
  if (tree.length < entryCountMin) return [encodeTree(tree)];
  const runs = cutRuns(tree, ({ path }) => path, pieceLengths);
  return runs.map((run, i) => (i === 0 ? encodeTree(run) : encodeEntries(run)));
}

/** Cuts a list into runs by the keys of its items; where keys come or go, few runs change. */
export function cutRuns<T>(items: readonly T[], keyOf: (item: T) => string, lengths: RunLengths): readonly T[][] {
  const runs: T[][] = [];
  let run: T[] = [];
  for (const item of items) {
    const isFull = run.length >= lengths.countMax;
    if (isFull || (run.length >= lengths.countMin && (hashOf(keyOf(item)) & lengths.boundaryMask) === 0)) {
      runs.push(run);
      run = [];
    }
    run.push(item);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

/** FNV-1a of 32 bits, its halves folded so that the low bits depend on all of them. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of pathToBytes(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 16)) >>> 0;
}
