// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, emptyDigest, isAshlarError } from "../base/index.ts";
import type { DigestSet } from "./digest-set.ts";
import type { IndexDatabase, PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import { readPackFile } from "./pack-file.ts";

export interface Listing {
  readonly index: IndexDatabase;
  readonly layout: Layout;
}

/**
 * Proves that the index lists all of `wanted` that lies in a pack: what is not listed would go with its pack. `found`
 * is how many of them were seen in the index. Packs are read only where that is not all, which a repair, or a pull
 * that goes on, may be the reason of. Throws `STORE_INDEX_DAMAGED`.
 */
export function verifyListed(wanted: DigestSet, found: number, parts: Listing): void {
  if (found >= wanted.size - (wanted.has(emptyDigest) ? 1 : 0)) return;
  for (const pack of parts.index.packs()) {
    for (const digest of listedIn(pack, parts)) {
      if (wanted.has(digest) && parts.index.locate(digest) === undefined) throw unlisted(pack, digest);
    }
  }
}

/**
 * Proves that a pack may go: that the index finds all that is kept of it in other packs, whatever its rows of this one
 * say. Throws `STORE_INDEX_DAMAGED`.
 */
export function verifyCopied(pack: PackRow, keeps: (digest: Digest) => boolean, parts: Listing): void {
  for (const digest of listedIn(pack, parts)) {
    if (!keeps(digest)) continue;
    const place = parts.index.locate(digest)?.pack;
    if (place === undefined || place.id === pack.id) throw unlisted(pack, digest);
  }
}

function unlisted({ id }: PackRow, digest: Digest): AshlarError {
  return new AshlarError("STORE_INDEX_DAMAGED", `Cannot trust the index: pack "${id}" has "${digest}", it has not`, {
    hint: "run `ashlar store fsck --repair`",
  });
}

/** What cannot be read has nothing to lose. */
function listedIn({ id }: PackRow, { layout }: Listing): Digest[] {
  try {
    const { contents, joins } = readPackFile(layout.pack(id), id).table;
    return [...contents, ...joins].map(({ digest }) => digest);
  } catch (error) {
    if (!isAshlarError(error, "STORE_PACK_DAMAGED")) throw error;
    return [];
  }
}
