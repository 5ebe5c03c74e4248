// SPDX-License-Identifier: Apache-2.0
/**
 * The documents images are made of, and the interfaces of images and of the places they live in; no I/O.
 *
 * - descriptor: media type, digest and size of a blob
 * - manifest: config and layers of an image for one platform; index: manifests for several platforms
 * - config: how a container is run, and the diffIds of the layers
 * - diffId: digest of a layer's uncompressed tar; digest: always of the bytes as stored
 * - reference: registry, repository, tag, digest
 *
 *     const manifest = parseManifest(verifyBytes(descriptor, bytes), descriptor.mediaType);
 */
export { annotationKeys } from "./annotations.ts";
export { type Descriptor, describeBytes } from "./descriptor.ts";
export {
  type BlobRange,
  type BlobSource,
  type Image,
  type ImageIndex,
  type ImageSource,
  type ImageTarget,
  type Layer,
  type OpenImage,
} from "./image.ts";
export {
  encodeConfig,
  type Healthcheck,
  type History,
  type ImageConfig,
  parseConfig,
  type RunConfig,
  verifyLayerCount,
} from "./image-config.ts";
export { JsonObject } from "./json-object.ts";
export { openLayerTar } from "./layer-tar.ts";
export { ociLimits } from "./limits.ts";
export { encodeIndex, encodeManifest, type Index, type Manifest, parseIndex, parseManifest } from "./manifest.ts";
export { isConfigType, isIndexType, isManifestType, layerCompression, mediaTypes } from "./media-types.ts";
export { comparePlatforms, formatPlatform, normalizePlatform, parsePlatform, type Platform } from "./platform.ts";
export { formatReference, parseReference, type Reference } from "./reference.ts";
export { selectPlatform } from "./select-platform.ts";
export { sourceOf } from "./source-of.ts";
export { parseStrictJson } from "./strict-json.ts";
export { verifyBlob, verifyBytes } from "./verify-blob.ts";
