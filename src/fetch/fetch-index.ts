// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { AshlarError, type Digest, digestOf, limits } from "../base/index.ts";
import type { Release, ReleaseFile } from "../debian/index.ts";
import { type Compression, decompressSync } from "../formats/index.ts";
import { safePath } from "./address.ts";
import type { Fetcher } from "./fetcher.ts";
import type { ArchiveSource, Mirror } from "./mirrors.ts";

/** An index that a Release file lists, in the form that is best to fetch. */
export interface IndexFile {
  /** Below `dists/SUITE/`, uncompressed name: `main/binary-amd64/Packages`. */
  readonly path: string;
  readonly compressed: ReleaseFile & { readonly suffix: string; readonly compression: Compression };
  /** The uncompressed form, where the Release file lists it. */
  readonly plain: ReleaseFile | undefined;
}

const forms = [
  { suffix: ".xz", compression: "xz" },
  { suffix: ".gz", compression: "gzip" },
  { suffix: "", compression: "none" },
] as const;

/**
 * Chooses the Packages files for some architectures: one a component and architecture, and those of "all"
 * where they stand apart. Throws `FETCH_INDEX_MISSING`.
 */
export function planIndexes(release: Release, source: ArchiveSource, architecture: string): readonly IndexFile[] {
  const files: IndexFile[] = [];
  for (const component of source.components) {
    const native = indexFile(release, `${component}/binary-${architecture}/Packages`);
    const shared = hasSharedIndexes(release) ? indexFile(release, `${component}/binary-all/Packages`) : undefined;
    if (native === undefined && shared === undefined)
      throw missingIndex(release, { source, component, architecture });
    if (native !== undefined) files.push(native);
    if (shared !== undefined) files.push(shared);
  }
  return files;
}

/** Whether packages of "all" stand in an index of their own; a listed file alone says nothing (Debian's security). */
function hasSharedIndexes(release: Release): boolean {
  return release.architectures.includes("all") && !release.noSupportForArchitectureAll;
}

function missingIndex(
  release: Release,
  {
    source,
    component,
    architecture,
  }: { readonly source: ArchiveSource; readonly component: string; readonly architecture: string },
): AshlarError {
  const message = `Cannot use source "${source.name}": no index of component "${component}" for ${architecture}`;
  return new AshlarError("FETCH_INDEX_MISSING", message, {
    because: [`architectures: ${release.architectures.join(" ")}`, `components: ${release.components.join(" ")}`],
    hint: "choose a component and platforms that the archive has",
  });
}

function indexFile(release: Release, path: string): IndexFile | undefined {
  for (const { suffix, compression } of forms) {
    const file = release.files.get(path + suffix);
    if (file !== undefined)
      return { path, compressed: { ...file, suffix, compression }, plain: release.files.get(path) };
  }
  return undefined;
}

/**
 * Fetches one index by its hash and gives its uncompressed bytes. The compressed file is checked while it
 * comes; its uncompressed size and digest are checked again where the Release file lists them.
 * Throws what `Fetcher.content` throws, `FETCH_DIGEST_MISMATCH`, and the errors of decompression.
 */
export async function fetchIndex(
  fetcher: Fetcher,
  index: IndexFile,
  {
    source,
    release,
    mirrors,
  }: {
    readonly source: ArchiveSource;
    readonly release: Release;
    readonly mirrors: readonly Mirror[];
  },
): Promise<Uint8Array> {
  const { compressed, plain } = index;
  const path = `dists/${safePath(source.suite)}/${safePath(index.path + compressed.suffix)}`;
  const byHash = `${path.slice(0, path.lastIndexOf("/"))}/by-hash/SHA256/${compressed.digest.slice(7)}`;
  const name = `${source.name} ${index.path}${compressed.suffix}`;
  const { digest, sizeBytes } = compressed;
  const paths = release.acquireByHash ? [byHash, path] : [path];
  const file = readFileSync(await fetcher.content({ name, digest, sizeBytes, paths, mirrors }));
  const maxBytes = Math.min(plain?.sizeBytes ?? limits.indexBytesMax, limits.indexBytesMax);
  const bytes = decompressSync(compressed.compression, file, { maxBytes, what: `index "${name}"` });
  if (plain !== undefined) checkPlain(bytes, plain, name);
  return bytes;
}

function checkPlain(
  bytes: Uint8Array,
  plain: { readonly digest: Digest; readonly sizeBytes: number },
  name: string,
): void {
  const actual = digestOf(bytes);
  if (bytes.length === plain.sizeBytes && actual === plain.digest) return;
  const message = `Cannot use index "${name}": uncompressed it has digest ${actual}, want ${plain.digest}`;
  throw new AshlarError("FETCH_DIGEST_MISMATCH", message);
}
