// SPDX-License-Identifier: Apache-2.0
/**
 * What can be said about images: their one tree, their packages, and what differs between two. Pure but for
 * the layers, which are read through `Layer`.
 *
 * - layer tree: what a container would see, whiteouts applied
 * - facet: what differs between two entries of one path
 * - sharing: which contents are in which of several images, and what that saves
 * - package database: dpkg's `status`, or the `status.d` of distroless images
 *
 *     const { tree, kept } = await readLayerTree(image.layers, { keep: isPackageDatabase });
 *     const packages = readPackages(tree, (content) => kept.get(content) as Uint8Array);
 */
export { type ConfigChange, diffConfigs } from "./diff-configs.ts";
export { type ChangedPackage, diffPackages, type InstalledPackage, type PackageDiff } from "./diff-packages.ts";
export { type ChangedEntry, diffTrees, type TreeDiff, type TreeFacet } from "./diff-trees.ts";
export { drawSharing } from "./draw-sharing.ts";
export type { FileTaker } from "./layer-reader.ts";
export { LayerStack, type LayerTree, type LayerTreeOptions, readLayerTree } from "./read-layer-tree.ts";
export {
  type ImageShare,
  measureSharing,
  pairBytes,
  type Sharing,
  type SharingImage,
} from "./measure-sharing.ts";
export { isPackageDatabase, readInstalled, readPackages } from "./read-packages.ts";
