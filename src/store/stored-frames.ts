// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { AshlarError, type Digest, digestOf, type Hasher } from "../base/index.ts";
import { decompressFrame } from "../formats/stored/index.ts";
import type { PackedContent, PackedFrame } from "./pack-format.ts";
import type { Found } from "./store-base.ts";

/** Proves the whole of a content, its frames hashed one after the other. */
export function verifyWhole(digest: Digest, hasher: Hasher): void {
  const actual = hasher.digest();
  if (actual !== digest) throw damaged(digest, `its bytes have the digest ${actual}`);
}

/** Each frame with its stored bytes. */
export function* storedFrames(found: Found): Iterable<[PackedFrame, Uint8Array]> {
  let at = 0;
  for (const frame of found.content.frames) {
    yield [frame, found.read(at, frame.storedBytes)];
    at += frame.storedBytes;
  }
}

/** Proves a frame as stored: catches any flipped bit or burst of up to 32, and a pack that ends early. */
export function verifyStored(content: PackedContent, frame: PackedFrame, stored: Uint8Array): void {
  if (stored.length === frame.storedBytes && crc32(stored) === frame.crc32) return;
  throw damaged(content.digest, "its frame is not the one that was stored");
}

/** A frame's bytes, decompressed and proven. */
export function decodeFrame(content: PackedContent, frame: PackedFrame, stored: Uint8Array): Uint8Array {
  verifyStored(content, frame, stored);
  const raw = decompressOrUndefined(frame, stored);
  if (raw !== undefined && digestOf(raw) === frame.digest) return raw;
  throw damaged(content.digest, "its frame does not hold what the table says");
}

function decompressOrUndefined(frame: PackedFrame, stored: Uint8Array): Uint8Array | undefined {
  try {
    return decompressFrame(stored, frame.rawBytes);
  } catch {
    return undefined;
  }
}

function damaged(digest: Digest, state: string): AshlarError {
  return new AshlarError("STORE_CONTENT_DAMAGED", `Cannot read content "${digest}": ${state}`, {
    hint: "run `ashlar store fsck --repair`, then build again",
    details: { digest },
  });
}
