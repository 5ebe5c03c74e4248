// SPDX-License-Identifier: Apache-2.0
/** Bounds on input from outside; whatever is larger is refused with a typed error. */
export const limits = {
  /** Components in one path. */
  pathDepthMax: 256,
  /** Entries in one archive or tree. */
  entryCountMax: 2_000_000,
  /** Bytes of one pax extended header. */
  paxHeaderBytesMax: 1 << 20,
  /** Bytes of one manifest or index. */
  manifestBytesMax: 4 << 20,
  /** Bytes of one control file, release file or other small text. */
  textBytesMax: 16 << 20,
  /** Bytes of one decompressed package index. */
  indexBytesMax: 512 << 20,
  /** A stream may grow this many times its compressed size, once it is past `ratioFreeBytes`. */
  expansionRatioMax: 2000,
  ratioFreeBytes: 16 << 20,
  /** Content above this size is compressed as several frames of this size. */
  frameBytesMax: 4 << 20,
} as const;
