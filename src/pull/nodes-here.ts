// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf } from "../base/index.ts";
import { encodeTree, type Tree } from "../formats/index.ts";
import { cutNodes, type IndexPart } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedLayer } from "./layer-way.ts";

/** What of a layer's trees the store has. */
export interface NodesHere {
  /** The nodes of a part that is here whole, contents included. */
  part(part: IndexPart): readonly Tree[] | undefined;
  /** A node of some other part that is here. */
  node(digest: Digest): Tree | undefined;
}

/**
 * Looks for parts and nodes in the store. Parts are contents and found by digest; nodes are not kept by themselves,
 * so those of parts that images of the store are made of are computed when the first one is asked for.
 */
export function nodesHere({ store, partsHere }: WantedLayer): NodesHere {
  let nodes: ReadonlyMap<Digest, Tree> | undefined;
  return {
    part({ digest, nodes: wanted }) {
      const tree = store.has(digest) ? store.readTree(digest) : undefined;
      if (tree === undefined || !isWhole(store, tree)) return undefined;
      const cut = cutNodes(tree);
      return cut.length === wanted.length ? cut : undefined;
    },
    node(digest) {
      nodes ??= nodesOf(store, partsHere());
      const tree = nodes.get(digest);
      return tree !== undefined && isWhole(store, tree) ? tree : undefined;
    },
  };
}

/** Contents may have gone while their tree stayed: such a tree is no help. */
function isWhole(store: Store, tree: Tree): boolean {
  return tree.every((entry) => entry.type !== "file" || store.has(entry.content));
}

function nodesOf(store: Store, parts: Iterable<Digest>): ReadonlyMap<Digest, Tree> {
  const nodes = new Map<Digest, Tree>();
  for (const part of new Set(parts)) {
    if (!store.has(part)) continue;
    const cut = cutNodes(store.readTree(part));
    if (cut.length > 1) for (const node of cut) nodes.set(digestOf(encodeTree(node)), node);
  }
  return nodes;
}
