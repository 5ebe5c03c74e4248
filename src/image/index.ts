// SPDX-License-Identifier: Apache-2.0
/**
 * From layers and what the spec says to OCI documents. Pure: dates and platforms are arguments. And how images
 * are found in the store.
 *
 * - config: how a container is run; its digest is the image ID and does not depend on compression
 * - manifest: config and layers as blobs; says what compressed them
 * - index: the manifests for several platforms
 * - named record: what a name in the store stands for; a ref points to one
 *
 *     const image = makeImage({ config: document.config, platform, layers, createdSeconds, compressor });
 *     await copyImage(sourceOf(makeIndex([image, other])), target);
 */
export { choosePlatform, type PlatformChoice } from "./choose-platform.ts";
export { findImage, listImages, pruneSuperseded } from "./find-image.ts";
export { type ConfigLayer, type ConfigOptions, makeConfig } from "./make-config.ts";
export { type ImageOptions, makeImage, type NamedLayer } from "./make-image.ts";
export { makeIndex } from "./make-index.ts";
export { makeManifest, type ManifestFacts, type ManifestOptions } from "./make-manifest.ts";
export {
  digestRef,
  imageRefPrefix,
  nameRef,
  type NamedRecord,
  readNamedRecord,
  readStoredRoot,
} from "./named-record.ts";
export { readKind, recordKind } from "./record-kind.ts";
