// SPDX-License-Identifier: Apache-2.0
import { type Digest, Hasher } from "../base/index.ts";
import type { ContentSource } from "./content-source.ts";
import { type LayerParts, walkTar } from "./tar-walk.ts";

/**
 * Writes the uncompressed tar of a layer to `write`, in order. A piece is valid only during the call.
 * Returns its digest, the diffId.
 */
export function writeTar(
  parts: LayerParts,
  source: Pick<ContentSource, "stream">,
  write?: (bytes: Uint8Array) => void,
): { readonly diffId: Digest; readonly sizeBytes: number } {
  const hasher = new Hasher();
  const take = (bytes: Uint8Array): void => {
    hasher.update(bytes);
    write?.(bytes);
  };
  walkTar(parts, {
    header: take,
    content: (entry) => {
      for (const piece of source.stream(entry.content)) take(piece);
    },
    padding: take,
    blockEnd: () => {},
  });
  const { sizeBytes } = hasher;
  return { diffId: hasher.digest(), sizeBytes };
}
