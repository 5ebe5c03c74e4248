// SPDX-License-Identifier: Apache-2.0
/** Annotation keys that we write or read (OCI image-spec v1.1, annotations.md; containers/storage; our own). */
export const annotationKeys = {
  created: "org.opencontainers.image.created",
  title: "org.opencontainers.image.title",
  baseName: "org.opencontainers.image.base.name",
  baseDigest: "org.opencontainers.image.base.digest",
  /** On a descriptor in a layout's index.json: the tag. */
  refName: "org.opencontainers.image.ref.name",
  /** On a layer: digest of the compressed table of contents; marks the layer as zstd:chunked. */
  chunkedChecksum: "io.github.containers.zstd-chunked.manifest-checksum",
  chunkedPosition: "io.github.containers.zstd-chunked.manifest-position",
  chunkedTarSplitPosition: "io.github.containers.zstd-chunked.tarsplit-position",
  /** On a layer: digest of the uncompressed table of contents; marks a gzip layer as eStargz. */
  estargzTocDigest: "containerd.io/snapshot/stargz/toc.digest",
  /** On a layer of eStargz: bytes of its tar. */
  estargzTarBytes: "io.containers.estargz.uncompressed-size",
  /** On a layer: what it is made of by digests, in base64 (docs/formats/layer.md). */
  layerIndex: "ashlar.layer.index",
  /** On a manifest: what compressed its layers; their digests hold for this compressor only. */
  compressor: "ashlar.compressor",
  /** On the manifest of a mirrored package: digest of its record, and of the .deb that was unpacked, for people. */
  packageRecord: "ashlar.package.record",
  packageDeb: "ashlar.package.deb",
  /** On a manifest: YYYY-MM-DD, the end of the image's life. */
  endOfLife: "ashlar.lifecycle.eol",
  /** On a manifest: the image to go to then. */
  successor: "ashlar.lifecycle.successor",
} as const;
