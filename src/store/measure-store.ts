// SPDX-License-Identifier: Apache-2.0
import { diskUseBelow, diskUseOf } from "./disk-use.ts";
import type { IndexDatabase } from "./index-database.ts";
import { filesBelow, type Layout } from "./layout.ts";
import { listLinks } from "./link-farm.ts";
import type { ContentSize, Store, StoreStats } from "./store.ts";

/** Counts what a store on disk holds. */
export function measureStore(
  store: Pick<Store, "adopted" | "listRefs">,
  { layout, index }: { readonly layout: Layout; readonly index: IndexDatabase },
): StoreStats {
  const packs = index.packs();
  const links = diskUseOf([...listLinks(layout)].map(({ path }) => path));
  const downloads = diskUseOf(filesBelow(layout.downloads));
  const adopted = store.adopted.list();
  return {
    ...index.counts(),
    packs: packs.length,
    packBytes: packs.reduce((sum, pack) => sum + pack.sizeBytes, 0),
    links: links.count,
    linkBytes: links.bytes,
    downloads: downloads.count,
    downloadBytes: downloads.bytes,
    indexBytes: diskUseOf([layout.index, `${layout.index}-wal`]).bytes,
    diskBytes: diskUseBelow(layout.dirs).bytes,
    refs: store.listRefs().length,
    adopted: adopted.reduce((sum, dir) => sum + dir.files, 0),
    adoptedBytes: adopted.reduce((sum, dir) => sum + dir.bytes, 0),
  };
}

/** As `Store.sizes` tells them, in the order of packs. */
export function* sizesIn(index: IndexDatabase): Iterable<ContentSize> {
  for (const pack of index.packs()) {
    for (const { digest, sizeBytes, storedBytes, isJoin } of index.rowsOf(pack)) {
      if (!isJoin) yield { digest, rawBytes: sizeBytes, storedBytes };
    }
  }
}
