// SPDX-License-Identifier: Apache-2.0
import { limits } from "../base/index.ts";

/** Bounds on documents from registries and archives; registries in use refuse much less. */
export const ociLimits = {
  /** Bytes of a manifest, index, config or docker manifest.json. */
  documentBytesMax: limits.manifestBytesMax,
  /** Nested arrays and objects. */
  jsonDepthMax: 24,
  layersMax: 1000,
  manifestsMax: 10_000,
  /** Bytes of one set of annotations or labels, keys and values together. */
  annotationBytesMax: 256 << 10,
  /** Indexes inside indexes. */
  indexDepthMax: 4,
  mediaTypeCharsMax: 255,
  /** Bytes of one layer's uncompressed tar. */
  layerTarBytesMax: 64 * 2 ** 30,
} as const;
