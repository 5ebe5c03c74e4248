// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { inPack, type Store } from "../store/index.ts";
import type { LayerWay } from "./layer-way.ts";

/** A pack is ended when so many contents' bytes went into it, so that an interrupted pull keeps them. */
const packBytesMax = 64 << 20;

/**
 * Takes what layers miss out of adopted files of this machine; the ways then miss the rest. Each content is proven by
 * its digest while it is taken.
 */
export function takeAdopted(store: Store, ways: readonly LayerWay[]): readonly LayerWay[] {
  const files = ways.flatMap((way) => (way.kind === "files" ? way.missing : []));
  const missing = new Set(files.map(({ content }) => content));
  const sizes = [...store.adopted.sizes(missing)];
  if (sizes.length === 0) return ways;
  while (sizes.length > 0) takeSome(store, sizes);
  return ways.map((way) => {
    if (way.kind !== "files") return way;
    return { ...way, missing: way.missing.filter(({ content }) => !store.has(content)) };
  });
}

function takeSome(store: Store, sizes: [Digest, number][]): void {
  inPack(store, (pack) => {
    let taken = 0;
    for (let next = sizes.pop(); next !== undefined; next = sizes.pop()) {
      const [digest, sizeBytes] = next;
      store.adopted.take(digest, pack);
      taken += sizeBytes;
      if (taken >= packBytesMax) return;
    }
  });
}
