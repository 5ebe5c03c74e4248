// SPDX-License-Identifier: Apache-2.0
import type { ImageSource } from "../oci/index.ts";

/** A source that tells how many bytes of manifests and blobs it gave. */
export function countedSource(source: ImageSource, onBytes: (bytes: number) => void): ImageSource {
  async function* counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of bytes) {
      onBytes(piece.length);
      yield piece;
    }
  }
  const { range } = source;
  return {
    ...source,
    async manifest(descriptor) {
      const bytes = await source.manifest(descriptor);
      onBytes(bytes.length);
      return bytes;
    },
    blob: (descriptor) => counted(source.blob(descriptor)),
    ...(range === undefined ? {} : { range: (descriptor, part) => counted(range(descriptor, part)) }),
  };
}
