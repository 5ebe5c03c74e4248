// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { Descriptor, ImageSource, ImageTarget } from "../oci/index.ts";
import { blobPath, readDocument, type Span, streamFile } from "./file-reader.ts";
import { encodeLayoutIndex, findReferrers, parseLayoutIndex, resolveTag, withEntry } from "./layout-index.ts";
import { layoutMark, verifyLayoutMark } from "./layout-source.ts";
import { readTarMembers, type TarMembers } from "./tar-members.ts";
import { TarFile } from "./tar-file.ts";

/**
 * Writes images into a tar of an OCI image layout: mark, blobs in the order they are copied, index.json last.
 * The file is replaced as a whole by `finish` and is a pure function of what was copied, in that order.
 * Throws `REGISTRY_WRITE`.
 */
export function ociArchiveTarget(path: string): ImageTarget {
  const written = new Set<Digest>();
  let entries: readonly Descriptor[] = [];
  let tar: TarFile | undefined;
  const open = (): TarFile => (tar ??= beginArchive(path));
  return {
    has: async (descriptor) => written.has(descriptor.digest),
    async writeBlob(descriptor, bytes) {
      await open().addStream(blobPath(descriptor), descriptor.sizeBytes, bytes);
      written.add(descriptor.digest);
    },
    async writeManifest(descriptor, bytes, root) {
      if (!written.has(descriptor.digest)) open().addBytes(blobPath(descriptor), bytes);
      written.add(descriptor.digest);
      if (root !== undefined) entries = withEntry(entries, descriptor, root.tag);
    },
    async finish() {
      open().addBytes("index.json", encodeLayoutIndex(entries));
      open().commit();
    },
    async abort() {
      tar?.abort();
    },
  };
}

function beginArchive(path: string): TarFile {
  const tar = new TarFile(path);
  tar.addBytes("oci-layout", Buffer.from(layoutMark));
  tar.addDir("blobs");
  tar.addDir("blobs/sha256");
  return tar;
}

/**
 * Reads images from a tar of an OCI image layout, in place. Throws `REGISTRY_ARCHIVE`, `REGISTRY_LAYOUT`,
 * `OCI_BLOB_MISSING`.
 */
export function ociArchiveSource(path: string): ImageSource {
  let members: TarMembers | undefined;
  const find = (name: string): Span => {
    const span = (members ??= readTarMembers(path)).find(name);
    if (span !== undefined) return span;
    throw new AshlarError("OCI_BLOB_MISSING", `Cannot read "${name}" in archive "${path}": no such member`);
  };
  return {
    async resolve(tag) {
      verifyLayoutMark(readDocument(path, find("oci-layout")), `in archive "${path}"`);
      return resolveTag(parseLayoutIndex(readDocument(path, find("index.json"))), tag, `archive "${path}"`);
    },
    manifest: async (descriptor) => readDocument(path, find(blobPath(descriptor))),
    async *blob(descriptor) {
      yield* streamFile(path, find(blobPath(descriptor)));
    },
    async referrers({ digest }) {
      const entries = parseLayoutIndex(readDocument(path, find("index.json")));
      return findReferrers(entries, digest, (entry) => readDocument(path, find(blobPath(entry))));
    },
  };
}
