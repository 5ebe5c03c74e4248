// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { Compression } from "../formats/index.ts";

/** Media types of OCI image-spec v1.1 (media-types.md). */
export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

/** Docker's image manifest version 2, schema 2: read, never written. */
const docker = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar",
  layerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === docker.index;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === docker.manifest;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === docker.config;
}

const layerCompressions: ReadonlyMap<string, Compression> = new Map([
  [mediaTypes.layer, "none"],
  [mediaTypes.layerGzip, "gzip"],
  [mediaTypes.layerZstd, "zstd"],
  [docker.layer, "none"],
  [docker.layerGzip, "gzip"],
]);

/**
 * How a layer of this media type is compressed. Throws `OCI_MEDIA_TYPE` for what is not an ordinary layer,
 * encrypted and non-distributable ("foreign") ones included: their bytes lie elsewhere.
 */
export function layerCompression(mediaType: string): Compression {
  const compression = layerCompressions.get(mediaType);
  if (compression !== undefined) return compression;
  throw new AshlarError(
    "OCI_MEDIA_TYPE",
    `Cannot read layer: its media type is "${mediaType}", want a tar of OCI or docker`,
  );
}
