// SPDX-License-Identifier: Apache-2.0
import { Hasher } from "../base/index.ts";
import { type Crc64, crc64, crc64Hex } from "../formats/stored/index.ts";
import { joinedId } from "./content-info.ts";
import { type JoinedContent, storedBytesOf } from "./pack-format.ts";
import type { Found } from "./store-base.ts";

/** What a join is made of: the digest, size and CRC-64 of its pieces' bytes, one after the other. */
export function measureJoin(pieces: Iterable<Uint8Array>): Omit<JoinedContent, "pieces"> {
  const hasher = new Hasher();
  let crc: Crc64 | undefined;
  for (const piece of pieces) {
    hasher.update(piece);
    crc = crc64(piece, crc);
  }
  const { sizeBytes } = hasher;
  return { digest: hasher.digest(), sizeBytes, crc64: crc64Hex(crc ?? crc64(new Uint8Array())) };
}

/** A joined content as one of several frames: those of its pieces. */
export function findJoined(join: JoinedContent, pieces: readonly Found[]): Found {
  const starts: number[] = [];
  let storedBytes = 0;
  for (const { content } of pieces) {
    starts.push(storedBytes);
    storedBytes += storedBytesOf(content);
  }
  const { digest, sizeBytes, crc64: crc } = join;
  const frames = pieces.flatMap(({ content }) => content.frames);
  return {
    content: { digest, sizeBytes, crc64: crc, offset: 0, frames },
    compressor: joinedId,
    read(offset, length) {
      const first = starts.findLastIndex((start) => start <= offset);
      const read: Uint8Array[] = [];
      for (let i = first, at = offset; at < offset + length && i < pieces.length; i++) {
        const within = at - (starts[i] as number);
        const { content, read: readPiece } = pieces[i] as Found;
        const wanted = Math.min(offset + length - at, storedBytesOf(content) - within);
        read.push(readPiece(within, wanted));
        at += wanted;
      }
      return read.length === 1 ? (read[0] as Uint8Array) : Buffer.concat(read);
    },
  };
}
