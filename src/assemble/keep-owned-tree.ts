// SPDX-License-Identifier: Apache-2.0
import type { Digest, ImagePath } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { PackWriter, Store } from "../store/index.ts";
import type { OwnedTree } from "./merge-trees.ts";

/** A tree and its owners by digests. */
export interface KeptTree {
  /** Tree. */
  readonly flat: Digest;
  /** Content: who put the entries there, in the tree's order. */
  readonly owners: Digest;
}

/** The first line of the owners' format; a JSON string for each entry of the tree follows, LF after each line. */
const header = '{"ashlar":"owners/v1"}';

/** Reads a tree with its owners out of the store. */
export function readOwnedTree(store: Store, { flat, owners }: KeptTree): OwnedTree {
  const tree = store.readTree(flat);
  return { tree, owners: parseOwners(Buffer.from(store.read(owners)).toString("utf8"), tree) };
}

/** Puts a tree and its owners into the store. */
export function putOwnedTree(store: Store, pack: PackWriter, owned: OwnedTree): KeptTree {
  const lines = owned.tree.map(({ path }) => JSON.stringify(owned.owners.get(path) ?? ""));
  const { digest } = pack.put(Buffer.from([header, ...lines, ""].join("\n"), "utf8"));
  return { flat: store.putTree(owned.tree, pack), owners: digest };
}

function parseOwners(text: string, tree: Tree): ReadonlyMap<ImagePath, string> {
  // The form before: a JSON object, path to owner.
  if (!text.startsWith(header)) return ownersOfObject(JSON.parse(text) as Record<ImagePath, string>);
  const lines = text.split("\n");
  if (lines.length !== tree.length + 2) throw new Error("internal error: the owners are not those of the tree");
  const parsed = new Map<string, string>();
  const parse = (line: string): string => {
    const owner = parsed.get(line) ?? (JSON.parse(line) as string);
    parsed.set(line, owner);
    return owner;
  };
  return new Map(tree.map(({ path }, i) => [path, parse(lines[i + 1] as string)]));
}

function ownersOfObject(owners: Readonly<Record<ImagePath, string>>): ReadonlyMap<ImagePath, string> {
  return new Map(Object.entries(owners) as [ImagePath, string][]);
}
