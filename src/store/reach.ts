// SPDX-License-Identifier: Apache-2.0
import { type Digest, isAshlarError } from "../base/index.ts";
import type { Reaches, Store } from "./store.ts";

/** What is reached, by the way in which it is: a tree that is reached as plain content keeps no files. */
export class ReachSet {
  readonly contents = new Set<Digest>();
  readonly trees = new Set<Digest>();
  readonly records = new Set<Digest>();

  hasAll(reaches: Reaches): boolean {
    return (
      (reaches.contents ?? []).every((digest) => this.contents.has(digest)) &&
      (reaches.trees ?? []).every((digest) => this.trees.has(digest)) &&
      (reaches.records ?? []).every((digest) => this.records.has(digest))
    );
  }
}

/** Tells whether all that things reach is here, with every file of their trees; looks at each tree and record once. */
export class ReachCheck {
  readonly #store: Pick<Store, "has" | "readTree" | "readRecord">;
  readonly #known = new Map<Digest, boolean>();

  constructor(store: Pick<Store, "has" | "readTree" | "readRecord">) {
    this.#store = store;
  }

  isWhole({ contents = [], trees = [], records = [] }: Reaches): boolean {
    return (
      contents.every((digest) => this.#store.has(digest)) &&
      trees.every((digest) => this.#once(digest, () => this.#isTreeWhole(digest))) &&
      records.every((digest) => this.#once(digest, () => this.isWhole(this.#store.readRecord(digest).reaches)))
    );
  }

  #isTreeWhole(digest: Digest): boolean {
    return this.#store.readTree(digest).every((entry) => entry.type !== "file" || this.#store.has(entry.content));
  }

  /** What cannot be read is not here. */
  #once(digest: Digest, look: () => boolean): boolean {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    let isWhole = false;
    try {
      isWhole = this.#store.has(digest) && look();
    } catch (error) {
      if (!isAshlarError(error)) throw error;
    }
    this.#known.set(digest, isWhole);
    return isWhole;
  }
}

/**
 * Follows records and trees from `roots` on and adds all that is reached to `set`. A record or tree that
 * cannot be read goes to `onFault`; without it the error is thrown.
 */
export function markReach(
  store: Pick<Store, "readTree" | "readRecord">,
  roots: Reaches,
  set: ReachSet,
  onFault?: (digest: Digest, error: unknown) => void,
): void {
  const waiting: Reaches[] = [roots];
  const attempt = (digest: Digest, step: () => void): void => {
    try {
      step();
    } catch (error) {
      if (onFault === undefined) throw error;
      onFault(digest, error);
    }
  };
  for (let reaches = waiting.pop(); reaches !== undefined; reaches = waiting.pop()) {
    for (const digest of reaches.contents ?? []) set.contents.add(digest);
    for (const digest of fresh(reaches.trees, set.trees)) attempt(digest, () => markTree(store, digest, set));
    for (const digest of fresh(reaches.records, set.records)) {
      set.contents.add(digest);
      attempt(digest, () => waiting.push(store.readRecord(digest).reaches));
    }
  }
}

function fresh(digests: readonly Digest[] | undefined, seen: Set<Digest>): Digest[] {
  const left = (digests ?? []).filter((digest) => !seen.has(digest));
  for (const digest of left) seen.add(digest);
  return left;
}

function markTree(store: Pick<Store, "readTree">, digest: Digest, set: ReachSet): void {
  set.contents.add(digest);
  for (const entry of store.readTree(digest)) if (entry.type === "file") set.contents.add(entry.content);
}
