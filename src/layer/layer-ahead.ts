// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Compressor, FileEntry } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import { type ComposedBlob, composeZstd } from "./compose-zstd.ts";
import { asBlob, rememberBlob } from "./layer.ts";
import type { ComposedPlan } from "./plan.ts";
import { type LayerParts, waiting } from "./tar-walk.ts";
import { writeTar } from "./write-tar.ts";

interface Half {
  readonly form: "zstd:chunked" | "none";
  readonly pieces: Generator<Uint8Array, ComposedBlob, void>;
  blob?: ComposedBlob;
}

export interface AheadOptions {
  readonly plan: ComposedPlan;
  /** The trees of the plan. */
  readonly parts: LayerParts;
  readonly compressor: Compressor;
}

/**
 * Finds out what the blob of a zstd:chunked layer is while its contents are still on their way: what is here is
 * composed at each `advance`, so that little is left when the last one has come.
 */
export class LayerAhead {
  readonly #store: Store;
  readonly #plan: ComposedPlan;
  readonly #halves: readonly Half[];
  #isEnding = false;

  constructor(store: Store, { plan, parts, compressor }: AheadOptions) {
    this.#store = store;
    this.#plan = plan;
    const isReady = (file: FileEntry): boolean => this.#isEnding || isHere(store, file);
    const options = { source: store, compressor, chunked: true, claims: plan.claimed === true, isReady };
    this.#halves = [
      { form: "zstd:chunked", pieces: composeZstd(parts, options) },
      { form: "none", pieces: asBlob(writeTar(parts, store, isReady)) },
    ];
  }

  /** Composes up to the first content that is not here; tells whether all of it is done. Throws what reading throws. */
  advance(): boolean {
    for (const half of this.#halves) advanceHalf(half);
    return this.#halves.every(({ blob }) => blob !== undefined);
  }

  /**
   * Composes the rest. All contents must be here. Where the blob has the digest `wanted`, what was found is remembered
   * for `describeLayer`; returns whether it has.
   */
  finish(wanted: Digest): boolean {
    this.#isEnding = true;
    this.advance();
    const isIt = this.#halves.some(({ form, blob }) => form === "zstd:chunked" && blob?.digest === wanted);
    for (const { form, blob } of this.#halves) {
      if (isIt && blob !== undefined) rememberBlob(this.#store, this.#plan, { form, blob });
    }
    return isIt;
  }
}

function isHere(store: Store, { content, sizeBytes }: FileEntry): boolean {
  return store.info(content)?.sizeBytes === sizeBytes;
}

function advanceHalf(half: Half): void {
  let next = half.pieces.next();
  while (next.done !== true && next.value !== waiting) next = half.pieces.next();
  if (next.done === true) half.blob ??= next.value;
}
