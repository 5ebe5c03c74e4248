// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { Expansion } from "./expansion.ts";
import { decompressFrame } from "./zstd-frame.ts";
import { ZstdSplitter } from "./zstd-scan.ts";

/**
 * Decompresses bytes that must be exactly one zstd frame of `rawBytes` bytes: nothing in front, between or behind.
 * For frames that somebody else made. Throws `FORMATS_ZSTD_INVALID`, `FORMATS_DECOMPRESS_*`.
 */
export function decompressOneFrame(stored: Uint8Array, rawBytes: number): Uint8Array {
  const splitter = new ZstdSplitter(new Expansion({ maxBytes: rawBytes, what: "a frame" }));
  const pieces = splitter.push(stored);
  splitter.finish();
  const length = pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
  const ends = pieces.filter((piece) => piece.last).length;
  if (length === stored.length && ends === 1) return decompressFrame(stored, rawBytes);
  throw new AshlarError("FORMATS_ZSTD_INVALID", `Cannot read zstd frame: it is not one frame alone`);
}
