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
  type Platform,
  selectPlatform,
} from "../oci/index.ts";
import { readVerified } from "./read-verified.ts";

/**
 * The blobs that a copy of an image may have to send, each once, without reading them. Errors as `copyImage`;
 * indexes nested too deep are left to it.
 */
export async function listBlobs(
  source: ImageSource,
  { from, platform }: { readonly from?: string | undefined; readonly platform?: Platform | undefined } = {},
): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  let nodes: readonly Descriptor[] = [await source.resolve(from)];
  for (let depth = 0; depth <= ociLimits.indexDepthMax && nodes.length > 0; depth++) {
    const next: Descriptor[] = [];
    for (const node of nodes) {
      const bytes = await readVerified(source, node);
      if (isIndexType(node.mediaType)) {
        const index = parseIndex(bytes, node.mediaType);
        next.push(...(platform === undefined || depth > 0 ? index.manifests : [selectPlatform(index, platform)]));
      } else for (const blob of blobsOf(bytes, node.mediaType)) found.set(blob.digest, blob);
    }
    for (const child of next) if (!isNode(child)) found.set(child.digest, child);
    nodes = next.filter(isNode);
  }
  return [...found.values()];
}

function isNode({ mediaType }: Descriptor): boolean {
  return isIndexType(mediaType) || isManifestType(mediaType);
}

function blobsOf(bytes: Uint8Array, mediaType: string): readonly Descriptor[] {
  const { config, layers } = parseManifest(bytes, mediaType);
  return [...layers, config];
}
