// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { AshlarError, type Digest, digestOf, Hasher, isAshlarError, limits } from "../base/index.ts";
import { type Crc64, crc64, crc64Hex, decompressOneFrame } from "../formats/stored/index.ts";
import type { PackedContent, PackedFrame } from "./pack-format.ts";

/** Proves the frames of one content that somebody else compressed, and gathers what a pack's table says of them. */
export function framedContent(): {
  add(stored: Uint8Array, rawBytes: number): void;
  end(digest: Digest, offset: number): PackedContent;
  /** Each frame as a content of its own. */
  pieces(offset: number): readonly PackedContent[];
} {
  const hasher = new Hasher();
  const frames: PackedFrame[] = [];
  const crcs: string[] = [];
  let crc: Crc64 | undefined;
  return {
    add(stored, rawBytes) {
      const raw = proven(stored, rawBytes);
      hasher.update(raw);
      crc = crc64(raw, crc);
      crcs.push(crc64Hex(crc64(raw)));
      frames.push({ digest: digestOf(raw), rawBytes, storedBytes: stored.length, crc32: crc32(stored) });
    },
    end(digest, offset) {
      const { sizeBytes } = hasher;
      const actual = hasher.digest();
      if (actual !== digest) throw invalid(`the content has digest ${actual}, want ${digest}`);
      return { digest, sizeBytes, crc64: crc64Hex(crc ?? crc64(new Uint8Array())), offset, frames };
    },
    pieces: (offset) => piecesOf(frames, crcs, offset),
  };
}

/** The frames of a content that was not finished, as contents. */
export function piecesOf(
  frames: readonly PackedFrame[],
  crcs: readonly string[],
  offset: number,
): readonly PackedContent[] {
  let at = offset;
  return frames.map((frame, i) => {
    const { digest, rawBytes: sizeBytes, storedBytes } = frame;
    at += storedBytes;
    return { digest, sizeBytes, crc64: crcs[i] as string, offset: at - storedBytes, frames: [frame] };
  });
}

function proven(stored: Uint8Array, rawBytes: number): Uint8Array {
  if (rawBytes < 1 || rawBytes > limits.frameBytesMax) {
    throw invalid(`it has ${rawBytes} bytes, want 1 to ${limits.frameBytesMax}`);
  }
  // The bound of a pack's table: what does not shrink is stored as it is, with few bytes of headers.
  if (stored.length > rawBytes + (rawBytes >> 7) + 1024) throw invalid(`it grows to ${stored.length} bytes`);
  try {
    return decompressOneFrame(stored, rawBytes);
  } catch (cause) {
    if (!isAshlarError(cause)) throw cause;
    throw invalid(cause.message, cause);
  }
}

function invalid(fault: string, cause?: unknown): AshlarError {
  return new AshlarError("STORE_FRAME_INVALID", `Cannot take over a frame: ${fault}`, { cause });
}
