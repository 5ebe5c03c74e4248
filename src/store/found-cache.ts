// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Found } from "./store-base.ts";

/** Frames of all contents that are remembered, about 20 MB. */
const frameCountMax = 30_000;

/** Where contents lie that were looked up; true only as long as nothing in the store moves. */
export class FoundCache {
  readonly #found = new Map<Digest, Found>();
  #frameCount = 0;

  /** What is known of a content, else what `look` finds, remembered where there is room. */
  get(digest: Digest, look: () => Found | undefined): Found | undefined {
    const known = this.#found.get(digest);
    if (known !== undefined) return known;
    const found = look();
    const frames = found?.content.frames.length ?? 0;
    if (found === undefined || this.#frameCount + frames > frameCountMax) return found;
    this.#found.set(digest, found);
    this.#frameCount += frames;
    return found;
  }

  clear(): void {
    this.#found.clear();
    this.#frameCount = 0;
  }
}
