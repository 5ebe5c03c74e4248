// SPDX-License-Identifier: Apache-2.0
import type { DirNode, Node } from "./layer-nodes.ts";

/**
 * Lays a layer over what the layers below make (OCI image-spec v1.1, layer.md, "Applying Changesets"): its
 * whiteouts remove only what is below, wherever in its tar they stand. Returns the path of the first directory
 * without an entry of its own whose place below is taken by something else, or undefined.
 */
export function mergeLayer(lower: DirNode, upper: DirNode, path = ""): string | undefined {
  if (upper.opaque) lower.children.clear();
  for (const name of upper.whiteouts ?? []) lower.children.delete(name);
  for (const [name, node] of upper.children) {
    const fault = mergeNode(lower, name, node, path === "" ? name : `${path}/${name}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function mergeNode(lower: DirNode, name: string, node: Node, path: string): string | undefined {
  const below = lower.children.get(name);
  if (node.type === "dir" && below?.type === "dir") {
    if (node.meta !== undefined) below.meta = node.meta;
    return mergeLayer(below, node, path);
  }
  // Writing through a symlink of a lower layer is how archives escape from their place; we do not follow it.
  const holds = node.type !== "dir" || settle(node);
  if (!holds) return undefined;
  if (node.type === "dir" && node.meta === undefined && below !== undefined) return path;
  lower.children.set(name, node);
  return undefined;
}

/**
 * A directory that is new here hides nothing in later layers, and is nothing where only marks stood in it.
 * Tells whether it is something.
 */
function settle(dir: DirNode): boolean {
  dir.opaque = false;
  dir.whiteouts = undefined;
  for (const [name, child] of dir.children) if (child.type === "dir" && !settle(child)) dir.children.delete(name);
  return dir.meta !== undefined || dir.children.size > 0;
}
