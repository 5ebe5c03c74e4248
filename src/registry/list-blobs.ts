// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import {
  type Descriptor,
  type ImageSource,
  isIndexType,
  isManifestType,
  ociLimits,
  parseIndex,
  parseManifest,
} from "../oci/index.ts";
import { readVerified } from "./read-verified.ts";

/**
 * The blobs that a copy of an image or index may have to send, each once, without reading them. Errors as `copyImage`;
 * indexes nested too deep are left to it.
 */
export async function listBlobs(source: ImageSource, root: Descriptor): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  const seen = new Set<Digest>();
  let nodes: readonly Descriptor[] = [root];
  for (let depth = 0; depth <= ociLimits.indexDepthMax && nodes.length > 0; depth++) {
    const next: Descriptor[] = [];
    for (const node of nodes) {
      // Indexes that name one thing often, each on each level, would be read more often than there is time for.
      if (seen.has(node.digest)) continue;
      seen.add(node.digest);
      const children = await readChildren(source, node);
      for (const child of children) if (!isNode(child)) found.set(child.digest, child);
      next.push(...children.filter(isNode));
    }
    nodes = next;
  }
  return [...found.values()];
}

async function readChildren(source: ImageSource, node: Descriptor): Promise<readonly Descriptor[]> {
  const bytes = await readVerified(source, node);
  if (isIndexType(node.mediaType)) return parseIndex(bytes, node.mediaType).manifests;
  const { config, layers } = parseManifest(bytes, node.mediaType);
  return [...layers, config];
}

function isNode({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}
