// SPDX-License-Identifier: Apache-2.0
import { AshlarError, Hasher } from "../base/index.ts";
import { type Crc64, crc64, crc64Hex } from "../formats/stored/index.ts";
import type { PackRow } from "./index-database.ts";
import { measureJoin } from "./joined-content.ts";
import { type JoinedContent, type PackedContent, storedBytesOf } from "./pack-format.ts";
import type { PackReader } from "./pack-reader.ts";
import { decodeFrame } from "./stored-frames.ts";
import type { ContentInfo, Store } from "./store.ts";

/**
 * Proves that the pieces add up; where a store is given, also to the bytes. Throws what reading a piece throws, which
 * names the piece in its details, and `STORE_CONTENT_DAMAGED` where the join is at fault.
 */
export function verifyJoin(join: JoinedContent, info: ContentInfo, store: Store | undefined): void {
  const sizeBytes = info.frames.reduce((sum, frame) => sum + frame.rawBytes, 0);
  if (sizeBytes !== join.sizeBytes) throw damaged(`its pieces have ${sizeBytes} bytes, want ${join.sizeBytes}`);
  if (store === undefined) return;
  const { digest, crc64: crc } = measureJoin(piecesOf(join, store));
  if (digest !== join.digest) throw damaged(`its pieces have the digest ${digest}`);
  if (crc !== join.crc64) throw damaged("its CRC-64 is another");
}

function* piecesOf({ pieces }: JoinedContent, store: Store): Iterable<Uint8Array> {
  for (const piece of pieces) yield* store.stream(piece);
}

/** Proves a content by all its bytes: digest, size, CRC-64, places of frames. */
export function verifyContent(pack: PackRow, content: PackedContent, reader: PackReader): void {
  const hasher = new Hasher();
  let crc: Crc64 | undefined;
  let at = content.offset;
  for (const frame of content.frames) {
    const raw = decodeFrame(content, frame, reader.read(pack, at, frame.storedBytes));
    hasher.update(raw);
    crc = crc64(raw, crc);
    at += frame.storedBytes;
  }
  const actual = hasher.digest();
  if (actual !== content.digest) throw damaged(`its bytes have the digest ${actual}`);
  if (hasher.sizeBytes !== content.sizeBytes) throw damaged(`it has ${hasher.sizeBytes} bytes`);
  if (crc === undefined || crc64Hex(crc) !== content.crc64) throw damaged("its CRC-64 is another");
  if (at !== content.offset + storedBytesOf(content)) throw damaged("its frames are not where they should be");
}

function damaged(state: string): AshlarError {
  return new AshlarError("STORE_CONTENT_DAMAGED", `Cannot verify content: ${state}`);
}
