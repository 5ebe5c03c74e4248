// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";
import type { Descriptor, ImageTarget } from "../oci/index.ts";
import { blobPath } from "./file-reader.ts";
import { FileWriter, writeFile } from "./file-writer.ts";
import { encodeLayoutIndex, parseLayoutIndex, withEntry } from "./layout-index.ts";
import { layoutMark, readLayoutIndex } from "./layout-source.ts";

/**
 * Writes images into an OCI image layout directory, which is made where there is none. What it holds already
 * stays: other tags, and blobs of the right size, which are not written again. Each file appears whole, and
 * index.json last; so a reader at any moment sees a layout that is complete. Two writers of one layout at the
 * same moment may lose one of their tags (never a blob). Throws `REGISTRY_LAYOUT`, `REGISTRY_WRITE`.
 */
export function layoutTarget(dir: string): ImageTarget {
  const added: { descriptor: Descriptor; tag: string | undefined }[] = [];
  let prepared = false;
  const prepare = (): void => {
    if (!prepared) prepareLayout(dir);
    prepared = true;
  };
  return {
    has: async (descriptor) => fileSize(join(dir, blobPath(descriptor))) === descriptor.sizeBytes,
    async writeBlob(descriptor, bytes) {
      prepare();
      await writeStream(join(dir, blobPath(descriptor)), bytes);
    },
    async writeManifest(descriptor, bytes, root) {
      prepare();
      writeFile(join(dir, blobPath(descriptor)), bytes);
      if (root !== undefined) added.push({ descriptor, tag: root.tag });
    },
    async finish() {
      prepare();
      addEntries(dir, added.splice(0));
    },
    async abort() {
      added.length = 0;
    },
  };
}

async function writeStream(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const writer = new FileWriter(path);
  try {
    for await (const piece of bytes) writer.write(piece);
    writer.commit();
  } finally {
    writer.abort();
  }
}

function fileSize(path: string): number | undefined {
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat.size : undefined;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function prepareLayout(dir: string): void {
  try {
    for (const path of [dir, join(dir, "blobs"), join(dir, "blobs/sha256")]) verifyNoForeignLink(path);
    const isLayout = existsSync(join(dir, "oci-layout"));
    const strange = !isLayout && existsSync(dir) && readdirSync(dir).some(
      (name) => name !== "blobs" && !name.startsWith("."),
    );
    if (strange) {
      const message = `Cannot write layout "${dir}": it holds other files, want a layout or an empty directory`;
      throw new AshlarError("REGISTRY_LAYOUT", message);
    }
    mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
    if (existsSync(join(dir, "index.json"))) readLayoutIndex(dir);
    if (!isLayout) writeFile(join(dir, "oci-layout"), Buffer.from(layoutMark));
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new AshlarError("REGISTRY_WRITE", `Cannot write layout "${dir}": ${error.message}`, { cause: error });
  }
}

/** In a directory of all users anybody makes a symlink of a name that others may use. */
function verifyNoForeignLink(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() !== true || stats.uid === process.geteuid?.() || stats.uid === 0) return;
  const message = `Cannot write layout: "${path}" is a symlink that user ${stats.uid} made, want a directory`;
  throw new AshlarError("REGISTRY_LAYOUT", message, { hint: "name a directory that only you can write to" });
}

function addEntries(dir: string, added: readonly { descriptor: Descriptor; tag: string | undefined }[]): void {
  const path = join(dir, "index.json");
  let entries: readonly Descriptor[] = existsSync(path) ? readLayoutIndex(dir) : [];
  for (const { descriptor, tag } of added) entries = withEntry(entries, descriptor, tag);
  const bytes = encodeLayoutIndex(entries);
  // What we write we must be able to read: a tag from outside may be too long for the limits.
  parseLayoutIndex(bytes);
  writeFile(path, bytes);
}
