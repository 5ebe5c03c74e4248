// SPDX-License-Identifier: Apache-2.0
import { comparePlatforms, describeBytes, encodeIndex, type Image, type ImageIndex, mediaTypes } from "../oci/index.ts";

/** Puts images for several platforms under one index, in the order of their platforms. */
export function makeIndex(images: readonly Image[], annotations?: Readonly<Record<string, string>>): ImageIndex {
  const sorted = [...images].sort((a, b) => comparePlatforms(a.platform, b.platform));
  const manifests = sorted.map(({ manifestDescriptor, platform }) => ({ ...manifestDescriptor, platform }));
  const index = encodeIndex({ mediaType: mediaTypes.index, manifests, annotations });
  return { index, indexDescriptor: describeBytes(mediaTypes.index, index), images: sorted };
}
