// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, type Digest, type ImagePath, type Json } from "../base/index.ts";
import type { PackWriter, Store } from "../store/index.ts";
import type { OwnedTree } from "./merge-trees.ts";

/** A tree and its owners by digests. */
export interface KeptTree {
  /** Tree. */
  readonly flat: Digest;
  /** Content: JSON object, path to who put it there. */
  readonly owners: Digest;
}

/** Reads a tree with its owners out of the store. */
export function readOwnedTree(store: Store, { flat, owners }: KeptTree): OwnedTree {
  const text = Buffer.from(store.read(owners)).toString("utf8");
  const pairs = Object.entries(JSON.parse(text) as Record<ImagePath, string>) as [ImagePath, string][];
  return { tree: store.readTree(flat), owners: new Map(pairs) };
}

/** Puts a tree and its owners into the store. */
export function putOwnedTree(store: Store, pack: PackWriter, owned: OwnedTree): KeptTree {
  const owners: Record<string, string> = Object.fromEntries(
    owned.tree.map(({ path }) => [path, owned.owners.get(path) ?? ""]),
  );
  const { digest } = pack.put(Buffer.from(canonicalJson(owners as Json), "utf8"));
  return { flat: store.putTree(owned.tree, pack), owners: digest };
}
