// SPDX-License-Identifier: Apache-2.0
import { type Digest, emptyDigest } from "../base/index.ts";
import type { PackedContent } from "./pack-format.ts";
import type { ContentInfo, FrameInfo } from "./store.ts";

/** What stands for the compressor of joined contents. */
export const joinedId = "joined";

/** The empty content is in every store and has no frames. */
export const emptyInfo: ContentInfo = {
  digest: emptyDigest,
  sizeBytes: 0,
  crc64: "0000000000000000",
  frames: [],
};

/** What the store tells of a content, out of a pack's table. */
export function infoOf(content: PackedContent, compressor: string): ContentInfo {
  const { digest, sizeBytes, crc64 } = content;
  const frames = content.frames.map(({ digest: piece, rawBytes, storedBytes }) => ({
    digest: piece,
    rawBytes,
    storedBytes,
  }));
  return { digest, sizeBytes, crc64, compressor, frames };
}

/** The same of a content whose pieces are known. */
export function joinedInfo(
  { digest, sizeBytes, crc64 }: { readonly digest: Digest; readonly sizeBytes: number; readonly crc64: string },
  pieces: readonly ContentInfo[],
): ContentInfo {
  const frames = pieces.flatMap((piece): readonly FrameInfo[] => piece.frames);
  return { digest, sizeBytes, crc64, compressor: joinedId, frames };
}
