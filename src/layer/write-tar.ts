// SPDX-License-Identifier: Apache-2.0
import { type Digest, Hasher } from "../base/index.ts";
import type { ContentSource } from "./content-source.ts";
import { type IsReady, type LayerParts, waiting, walkTar } from "./tar-walk.ts";

/**
 * Yields the uncompressed tar of a layer in pieces, and returns its digest (the diffId) and size. With `isReady` it
 * yields `waiting` again and again until the next content is.
 */
export function* writeTar(
  parts: LayerParts,
  source: Pick<ContentSource, "stream">,
  isReady?: IsReady,
): Generator<Uint8Array, { readonly diffId: Digest; readonly sizeBytes: number }, void> {
  const hasher = new Hasher();
  for (const piece of walkTar(parts)) {
    if (piece.kind === "blockEnd") continue;
    while (piece.kind === "content" && isReady?.(piece.entry) === false) yield waiting;
    const pieces = piece.kind === "content" ? source.stream(piece.entry.content) : [piece.bytes];
    for (const bytes of pieces) {
      hasher.update(bytes);
      yield bytes;
    }
  }
  const { sizeBytes } = hasher;
  return { diffId: hasher.digest(), sizeBytes };
}
