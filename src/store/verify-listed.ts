// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, emptyDigest, isAshlarError } from "../base/index.ts";
import type { IndexDatabase } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import { readPackFile } from "./pack-file.ts";

/**
 * Proves that the index lists all of `wanted` that lies in a pack: what is not listed would go with its pack. Packs
 * are read only where the index misses something, which a repair, or a pull that goes on, may be the reason of.
 * Throws `STORE_INDEX_DAMAGED`.
 */
export function verifyListed(
  wanted: Iterable<Digest>,
  { index, layout }: { readonly index: IndexDatabase; readonly layout: Layout },
): void {
  const missing = new Set<Digest>();
  for (const digest of wanted) {
    if (digest !== emptyDigest && index.locate(digest) === undefined) missing.add(digest);
  }
  if (missing.size === 0) return;
  for (const { id } of index.packs()) {
    const found = listedIn(layout.pack(id), id).find((digest) => missing.has(digest));
    if (found === undefined) continue;
    throw new AshlarError("STORE_INDEX_DAMAGED", `Cannot trust the index: pack "${id}" has "${found}", it has not`, {
      hint: "run `ashlar store fsck --repair`",
    });
  }
}

/** What cannot be read has nothing to lose. */
function listedIn(path: string, id: Digest): Digest[] {
  try {
    const { contents, joins } = readPackFile(path, id).table;
    return [...contents, ...joins].map(({ digest }) => digest);
  } catch (error) {
    if (!isAshlarError(error, "STORE_PACK_DAMAGED")) throw error;
    return [];
  }
}
