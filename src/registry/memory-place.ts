// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Descriptor, ImageSource, ImageTarget } from "../oci/index.ts";
import { findReferrers, resolveTag, withEntry } from "./layout-index.ts";

/** A place in memory: the twin of the others in tests, and a buffer for small images. */
export function memoryPlace(): ImageSource & ImageTarget {
  const blobs = new Map<Digest, Uint8Array>();
  let entries: readonly Descriptor[] = [];
  const read = (descriptor: Descriptor): Uint8Array => {
    const bytes = blobs.get(descriptor.digest);
    if (bytes !== undefined) return bytes;
    throw new AshlarError("OCI_BLOB_MISSING", `Cannot read blob "${descriptor.digest}": not in memory`);
  };
  return {
    resolve: async (tag) => resolveTag(entries, tag, "memory"),
    manifest: async (descriptor) => read(descriptor),
    async *blob(descriptor) {
      yield read(descriptor);
    },
    referrers: async ({ digest }) => findReferrers(entries, digest, read),
    has: async (descriptor) => blobs.get(descriptor.digest)?.length === descriptor.sizeBytes,
    async writeBlob(descriptor, bytes) {
      const pieces: Uint8Array[] = [];
      for await (const piece of bytes) pieces.push(Uint8Array.from(piece));
      blobs.set(descriptor.digest, Buffer.concat(pieces));
    },
    async writeManifest(descriptor, bytes, root) {
      blobs.set(descriptor.digest, Uint8Array.from(bytes));
      if (root !== undefined) entries = withEntry(entries, descriptor, root.tag);
    },
    finish: async () => {},
    abort: async () => {},
  };
}
