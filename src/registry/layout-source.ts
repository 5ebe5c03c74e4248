// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";

import { AshlarError, isAshlarError } from "../base/index.ts";
import { type Descriptor, type ImageSource, JsonObject, parseStrictJson } from "../oci/index.ts";
import { blobPath, readDocument, streamFile } from "./file-reader.ts";
import { findReferrers, parseLayoutIndex, resolveTag } from "./layout-index.ts";

/** The file that marks a layout; byte for byte, its version is the layout's. */
export const layoutMark = '{"imageLayoutVersion":"1.0.0"}';

/** Reads images from an OCI image layout directory. Throws `REGISTRY_LAYOUT` where `dir` is none. */
export function layoutSource(dir: string): ImageSource {
  return {
    resolve: async (tag) => resolveTag(readLayoutIndex(dir), tag, `layout "${dir}"`),
    manifest: async (descriptor) => readDocument(join(dir, blobPath(descriptor))),
    blob: (descriptor) => streamFile(join(dir, blobPath(descriptor))),
    range: (descriptor, range) => streamFile(join(dir, blobPath(descriptor)), range),
    async referrers({ digest }) {
      return findReferrers(readLayoutIndex(dir), digest, (entry) => readDocument(join(dir, blobPath(entry))));
    },
  };
}

/** The entries of a layout's index.json, after its mark was checked. */
export function readLayoutIndex(dir: string): readonly Descriptor[] {
  try {
    verifyLayoutMark(readDocument(join(dir, "oci-layout")), `"${dir}"`);
    return parseLayoutIndex(readDocument(join(dir, "index.json")));
  } catch (error) {
    if (!isAshlarError(error, "OCI_BLOB_MISSING")) throw error;
    const message = `Cannot read layout "${dir}": want a directory with oci-layout and index.json`;
    throw new AshlarError("REGISTRY_LAYOUT", message, { cause: error });
  }
}

/** Refuses versions of the layout that we do not know. */
export function verifyLayoutMark(bytes: Uint8Array, what: string): void {
  const field = "imageLayoutVersion";
  const version = new JsonObject(parseStrictJson(bytes, "oci-layout"), "oci-layout", "", [field]).text(field);
  if (version === "1.0.0") return;
  const message = `Cannot read layout ${what}: its version is "${version.slice(0, 50)}", want "1.0.0"`;
  throw new AshlarError("REGISTRY_LAYOUT", message);
}
