// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, isAshlarError } from "../base/index.ts";
import { cutNodes, encodeTree, type Tree } from "../formats/index.ts";
import { type DigestPrefix, type IndexPart, prefixOf } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedTables } from "./layer-way.ts";

/** What of a layer's trees the store has, with all their contents. */
export interface NodesHere {
  /** The nodes of a part that is here whole. */
  part(part: IndexPart): readonly Tree[] | undefined;
  /** A node of some other part that is here. */
  node(prefix: DigestPrefix): Tree | undefined;
}

/** By who was asked for parts: the layers of an image, and packages, ask for the same. */
const knownNodes = new WeakMap<WantedTables["partsHere"], ReadonlyMap<DigestPrefix, Tree>>();

/**
 * Looks for parts and nodes in the store. Parts are contents; nodes are not kept by themselves, so those of parts that
 * images of the store are made of are computed when the first one is asked for. That a prefix may mean something else
 * does no harm: the layer that is composed in the end is proven by its digest.
 */
export function nodesHere({ store, partsHere }: WantedTables): NodesHere {
  return {
    part({ prefix, nodes: wanted }) {
      const trees = store.withPrefix(prefix).map((digest) => readTree(store, digest));
      const cuts = trees.flatMap((tree) => (tree !== undefined && isWhole(store, tree) ? [cutNodes(tree)] : []));
      return cuts.find((cut) => cut.length === wanted.length);
    },
    node(prefix) {
      const nodes = knownNodes.get(partsHere) ?? nodesOf(store, partsHere());
      knownNodes.set(partsHere, nodes);
      const tree = nodes.get(prefix);
      return tree !== undefined && isWhole(store, tree) ? tree : undefined;
    },
  };
}

/** Some other content may have a digest that begins so. */
function readTree(store: Store, digest: Digest): Tree | undefined {
  try {
    return store.readTree(digest);
  } catch (error) {
    if (isAshlarError(error, "TREE_INVALID")) return undefined;
    throw error;
  }
}

/** Contents may have gone while their tree stayed: such a tree is no help. */
function isWhole(store: Store, tree: Tree): boolean {
  return tree.every((entry) => entry.type !== "file" || store.has(entry.content));
}

function nodesOf(store: Store, parts: Iterable<Digest>): ReadonlyMap<DigestPrefix, Tree> {
  const nodes = new Map<DigestPrefix, Tree>();
  for (const part of new Set(parts)) {
    if (!store.has(part)) continue;
    const cut = cutNodes(store.readTree(part));
    if (cut.length > 1) for (const node of cut) nodes.set(prefixOf(digestOf(encodeTree(node))), node);
  }
  return nodes;
}
