// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, isAshlarError } from "../base/index.ts";
import { cutNodes, encodeTree, type Tree } from "../formats/index.ts";
import { type DigestPrefix, type IndexPart, prefixOf, tocBytesMax } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedTables } from "./layer-way.ts";

/** What of a layer's trees the store has, with all their contents. */
export interface NodesHere {
  /** The nodes of a part that is here whole. */
  part(part: IndexPart): readonly Tree[] | undefined;
  /** A node of some other part that is here. */
  node(prefix: DigestPrefix): Tree | undefined;
}

/** A node by the part that it is cut from: trees of all images would not fit into memory. */
interface NodePlace {
  readonly part: Digest;
  readonly index: number;
}

/** By who was asked for parts: the layers of an image, and packages, ask for the same. */
const knownPlaces = new WeakMap<WantedTables["partsHere"], ReadonlyMap<DigestPrefix, NodePlace>>();

/**
 * Looks for parts and nodes in the store. Parts are contents; nodes are not kept by themselves, so those of parts that
 * images of the store are made of are computed when the first one is asked for. That a prefix may mean something else
 * does no harm: the layer that is composed in the end is proven by its digest. What is asked for again costs nothing:
 * an index may name the same many thousand times.
 */
export function nodesHere({ store, partsHere }: WantedTables): NodesHere {
  const cutsOf = remembered((prefix: DigestPrefix) => {
    return store.withPrefix(prefix).flatMap((digest) => cutsIn(store, digest));
  });
  const nodesOf = remembered((part: Digest) => cutNodes(store.readTree(part)));
  const nodeAt = remembered((prefix: DigestPrefix): Tree | undefined => {
    const places = knownPlaces.get(partsHere) ?? placesIn(store, partsHere());
    knownPlaces.set(partsHere, places);
    const place = places.get(prefix);
    const node = place === undefined ? undefined : nodesOf(place.part)[place.index];
    return node !== undefined && isWhole(store, node) ? node : undefined;
  });
  return {
    part: ({ prefix, nodes }) => cutsOf(prefix).find((cut) => cut.length === nodes.length),
    node: nodeAt,
  };
}

function remembered<K, V>(find: (key: K) => V): (key: K) => V {
  const found = new Map<K, V>();
  return (key) => {
    if (!found.has(key)) found.set(key, find(key));
    return found.get(key) as V;
  };
}

/** The nodes of a tree that is here whole, in a list; none for some other content whose digest begins so. */
function cutsIn(store: Store, digest: Digest): (readonly Tree[])[] {
  const info = store.info(digest);
  if (info === undefined || info.sizeBytes > tocBytesMax) return [];
  const tree = readTree(store, digest);
  return tree !== undefined && isWhole(store, tree) ? [cutNodes(tree)] : [];
}

function readTree(store: Store, digest: Digest): Tree | undefined {
  try {
    return store.readTree(digest);
  } catch (error) {
    if (isAshlarError(error) && !error.code.startsWith("STORE_")) return undefined;
    throw error;
  }
}

/** Contents may have gone while their tree stayed: such a tree is no help. */
function isWhole(store: Store, tree: Tree): boolean {
  return tree.every((entry) => entry.type !== "file" || store.has(entry.content));
}

function placesIn(store: Store, parts: Iterable<Digest>): ReadonlyMap<DigestPrefix, NodePlace> {
  const places = new Map<DigestPrefix, NodePlace>();
  for (const part of new Set(parts)) {
    if (!store.has(part)) continue;
    const nodes = cutNodes(store.readTree(part));
    if (nodes.length < 2) continue;
    nodes.forEach((node, index) => places.set(prefixOf(digestOf(encodeTree(node))), { part, index }));
  }
  return places;
}
