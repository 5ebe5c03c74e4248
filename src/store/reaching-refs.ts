// SPDX-License-Identifier: Apache-2.0
import { type Digest, isAshlarError } from "../base/index.ts";
import type { JoinedContent } from "./pack-format.ts";
import type { Reaches, Store } from "./store.ts";
import { isHindrance } from "./system-fault.ts";

type Reading = Pick<Store, "listRefs" | "readTree" | "readRecord">;

/**
 * For each of some contents the names of the refs that reach it, be it as a piece of a joined one. Reads every
 * tree and record once; what lies below one that is damaged or not here is not known.
 */
export function refsReaching(
  store: Reading,
  wanted: ReadonlySet<Digest>,
  joins: Iterable<JoinedContent>,
): Map<Digest, string[]> {
  const search = new Search(store, wanted, joins);
  const names = new Map<Digest, string[]>();
  for (const { name, target } of store.listRefs()) {
    for (const digest of search.below({ records: [target] })) {
      names.set(digest, [...(names.get(digest) ?? []), name]);
    }
  }
  return names;
}

class Search {
  readonly #store: Reading;
  /** What a content stands for: itself, its pieces. */
  readonly #wanted = new Map<Digest, readonly Digest[]>();
  readonly #known = new Map<Digest, ReadonlySet<Digest>>();

  constructor(store: Reading, wanted: ReadonlySet<Digest>, joins: Iterable<JoinedContent>) {
    this.#store = store;
    for (const digest of wanted) this.#wanted.set(digest, [digest]);
    for (const { digest, pieces } of joins) {
      const hit = pieces.filter((piece) => wanted.has(piece));
      if (hit.length > 0) this.#wanted.set(digest, [...(this.#wanted.get(digest) ?? []), ...hit]);
    }
  }

  below({ contents = [], trees = [], records = [] }: Reaches): Set<Digest> {
    const found = new Set(contents.flatMap((digest) => this.#hit(digest)));
    for (const tree of trees) for (const digest of this.#once("tree", tree)) found.add(digest);
    for (const record of records) for (const digest of this.#once("record", record)) found.add(digest);
    return found;
  }

  #hit(digest: Digest): readonly Digest[] {
    return this.#wanted.get(digest) ?? [];
  }

  #once(kind: "tree" | "record", digest: Digest): ReadonlySet<Digest> {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const found = new Set(this.#hit(digest));
    try {
      for (const hit of kind === "tree" ? this.#inTree(digest) : this.#inRecord(digest)) found.add(hit);
    } catch (error) {
      if (!isAshlarError(error) || isHindrance(error)) throw error;
    }
    this.#known.set(digest, found);
    return found;
  }

  #inTree(digest: Digest): readonly Digest[] {
    return this.#store.readTree(digest).flatMap((entry) => (entry.type === "file" ? this.#hit(entry.content) : []));
  }

  #inRecord(digest: Digest): Iterable<Digest> {
    return this.below(this.#store.readRecord(digest).reaches);
  }
}
