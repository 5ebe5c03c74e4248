// SPDX-License-Identifier: Apache-2.0
import { Hasher } from "../base/index.ts";
import { GzipWriter } from "../formats/index.ts";
import type { ComposedBlob } from "./compose-zstd.ts";
import type { ContentSource } from "./content-source.ts";
import type { LayerParts } from "./tar-walk.ts";
import { writeTar } from "./write-tar.ts";

/** Yields a layer as tar+gzip for engines that know nothing newer, and returns what it is. */
export function* writeGzip(
  parts: LayerParts,
  source: Pick<ContentSource, "stream">,
): Generator<Uint8Array, ComposedBlob, void> {
  const hasher = new Hasher();
  const gzip = new GzipWriter();
  const take = function* (pieces: Iterable<Uint8Array>): Generator<Uint8Array, void, void> {
    for (const bytes of pieces) {
      hasher.update(bytes);
      yield bytes;
    }
  };
  for (const bytes of writeTar(parts, source)) yield* take(gzip.push(bytes));
  yield* take(gzip.finish());
  const { sizeBytes } = hasher;
  return { digest: hasher.digest(), sizeBytes, annotations: {} };
}
