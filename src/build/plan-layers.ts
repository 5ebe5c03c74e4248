// SPDX-License-Identifier: Apache-2.0
import { type OwnedTree, phaseDifference, splitByOwner } from "../assemble/index.ts";
import { type Digest, type ImagePath, parentOf } from "../base/index.ts";
import { type Entry, makeTree, type Tree } from "../formats/index.ts";
import { type LayerPlan, splitBySource, splitDirectories } from "../layer/index.ts";

export interface PlanOptions {
  /** Puts an encoded tree into the store. */
  readonly put: (tree: Tree) => Digest;
  /** Into how many layers at most the phase is split. */
  readonly groups: number;
  /** The source package of an owner; undefined for what Ashlar made itself. */
  readonly sourceOf: (owner: string) => string | undefined;
}

/** Plans the layers of one phase: what makes `upper` of `lower`; none where they are equal. */
export function planLayers(
  name: string,
  lower: OwnedTree,
  upper: OwnedTree,
  options: PlanOptions,
): readonly LayerPlan[] {
  if (lower === upper) return [];
  const layer = phaseDifference(lower.tree, upper.tree);
  if (layer.length === 0) return [];
  if (options.groups <= 1) return [planOne(name, layer, upper, options)];
  const groups = splitLayer(layer, upper, options);
  return groups.map((group, i) =>
    planOne(groups.length === 1 ? name : `${name} ${i + 1}`, group, upper, options),
  );
}

function planOne(name: string, layer: Tree, { owners }: OwnedTree, options: PlanOptions): LayerPlan {
  const { directories, rest } = splitDirectories(layer);
  const blocks = [...splitByOwner(rest, owners)];
  // Packages in the order of their names, then what Ashlar made itself.
  const isOwn = (owner: string): boolean => options.sourceOf(owner) === undefined;
  const ordered = [...blocks.filter(([owner]) => !isOwn(owner)), ...blocks.filter(([owner]) => isOwn(owner))];
  return {
    name,
    directories: options.put(directories),
    blocks: ordered.map(([, block]) => options.put(block)),
  };
}

/** Each group has what its packages own, and the directories above it; our own entries go with the last. */
function splitLayer(layer: Tree, { owners }: OwnedTree, { groups, sourceOf }: PlanOptions): readonly Tree[] {
  const byPath = new Map<ImagePath, Entry>(layer.map((entry) => [entry.path, entry]));
  const items = [...new Set(layer.map((entry) => owners.get(entry.path) ?? ""))].sort();
  const packages = items.flatMap((owner) => {
    const sourceName = sourceOf(owner);
    return sourceName === undefined ? [] : [{ owner, sourceName }];
  });
  const split = splitBySource(packages, groups);
  if (split.length <= 1) return [layer];
  const groupOf = new Map(split.flatMap((group, i) => group.map(({ owner }) => [owner, i] as const)));
  const trees = split.map(() => new Map<ImagePath, Entry>());
  for (const entry of layer) {
    const tree = trees[groupOf.get(owners.get(entry.path) ?? "") ?? trees.length - 1] as Map<
      ImagePath,
      Entry
    >;
    addWithParents(tree, entry, byPath);
  }
  return trees.map((tree) => makeTree(tree.values()));
}

function addWithParents(
  tree: Map<ImagePath, Entry>,
  entry: Entry,
  byPath: ReadonlyMap<ImagePath, Entry>,
): void {
  tree.set(entry.path, entry);
  for (let up = parentOf(entry.path); up !== undefined && !tree.has(up); up = parentOf(up)) {
    const parent = byPath.get(up);
    if (parent !== undefined) tree.set(up, parent);
  }
}
