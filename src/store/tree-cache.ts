// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";

/** Entries of all trees that are kept, about 20 MB. */
const entryCountMax = 40_000;

/** Trees that were read or written lately: a build looks at most of its trees several times. */
export class TreeCache {
  /** The one used longest ago first. */
  readonly #trees = new Map<Digest, Tree>();
  #entryCount = 0;

  get(digest: Digest): Tree | undefined {
    const tree = this.#trees.get(digest);
    if (tree === undefined) return undefined;
    this.#trees.delete(digest);
    this.#trees.set(digest, tree);
    return tree;
  }

  set(digest: Digest, tree: Tree): void {
    if (this.#trees.has(digest)) return;
    this.#trees.set(digest, tree);
    this.#entryCount += tree.length;
    for (const [oldest, dropped] of this.#trees) {
      if (this.#entryCount <= entryCountMax) return;
      this.#trees.delete(oldest);
      this.#entryCount -= dropped.length;
    }
  }
}
