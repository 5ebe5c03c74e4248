// SPDX-License-Identifier: Apache-2.0
/**
 * File formats: bytes to values and back, without knowing where bytes lie.
 *
 * - tree: our canonical description of a file system; tar: what layers and .debs carry
 * - entry: one member of a tar as it came (`TarEntry`), or one path of a tree (`Entry`), which is proved
 * - frame: one zstd frame, of the pinned compressor (`Compressor`) or of raw and RLE blocks (`plainFrame`)
 * - `decompress`, `TarParser`: push-through, in bounded memory, for input that nobody trusts
 *
 *     const parser = new TarParser(visitor);
 *     for await (const bytes of decompress("xz", chunks, { maxBytes, what })) parser.push(bytes);
 *     parser.finish();
 */
export { type ArMember, type ByteReader, parseAr } from "./ar.ts";
export { type Compression, decompress, decompressSync, detectCompression } from "./compression.ts";
export { type Crc64, crc64, crc64Hex } from "./crc64.ts";
export { cutNodes, cutRuns, encodeTreePieces, type RunLengths } from "./cut-nodes.ts";
export { type ElfInfo, parseElf } from "./elf.ts";
export type { DecompressOptions } from "./expansion.ts";
export { encodeForeignHeader, type ForeignEntry, type ForeignForm } from "./foreign-header.ts";
export { GzipWriter } from "./gzip-writer.ts";
export { decompressOneFrame } from "./one-frame.ts";
export { parseShebang, type Shebang } from "./shebang.ts";
export type { TarEntry, TarType } from "./tar-entry.ts";
export { encodeTarHeader, tarEnd, tarNameOf, tarPadding } from "./tar-header.ts";
export { TarParser, type TarVisitor } from "./tar-parser.ts";
export { type SplitFile, TarSplitParser } from "./tar-split-parser.ts";
export {
  type DeviceEntry,
  type DirEntry,
  encodeTree,
  type Entry,
  type FifoEntry,
  type FileEntry,
  type HardlinkEntry,
  makeTree,
  type Meta,
  parseTree,
  type SymlinkEntry,
  type Tree,
} from "./tree.ts";
export { type Compressor, compressorId, loadCompressor } from "./zstd-compressor.ts";
export { decompressFrame, plainFrame, skippableFrame } from "./zstd-frame.ts";
