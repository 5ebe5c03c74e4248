// SPDX-License-Identifier: Apache-2.0
/** The part of the folder that a store needs: commands that load no more start sooner. */
export { type Crc64, crc64, crc64Hex } from "../crc64.ts";
export { encodeTreePieces } from "../cut-nodes.ts";
export { decompressOneFrame } from "../one-frame.ts";
export { parseTree } from "../tree.ts";
export { decompressFrame, plainFrame } from "../zstd-frame.ts";
