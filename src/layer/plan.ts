// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import { compressorId } from "../formats/index.ts";
import type { Reaches } from "../store/index.ts";

/** A layer by digests: what an image's record keeps of it. */
export type LayerPlan = ComposedPlan | TarPlan;

/** A layer that we make: the digests of its encoded trees. */
export interface ComposedPlan {
  readonly kind?: undefined;
  /** Which phase it belongs to, e.g. "packages"; with a number where the phase is split. */
  readonly name: string;
  readonly directories: Digest;
  readonly blocks: readonly Digest[];
  /** The form it was brought in, and keeps whatever the image's form; absent: that of the image. */
  readonly form?: LayerForm;
  /**
   * Frames that came with an image count as ours without proof: what is composed of them must have the digest that
   * was published.
   */
  readonly claimed?: true;
}

/** How a layer's tar is compressed. */
export type LayerForm = "zstd:chunked" | "zstd" | "gzip" | "none";

/**
 * A layer that somebody else made, kept by file: its tar can be made again byte for byte. It passes as it is in every
 * form; where its blob is not the tar itself, the blob is kept too or has to be had from where it came from.
 */
export interface TarPlan {
  readonly kind: "tar";
  /** "from 1", "from 2", ... from the bottom. */
  readonly name: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly diffId: Digest;
  /** Content: the tar as a recipe of raw bytes and contents. */
  readonly recipe: Digest;
  /** Tree: one file for each content of the recipe, named by it, so that they are kept. */
  readonly files: Digest;
  /** The blob is a content of the store. */
  readonly hasBlob: boolean;
}

/** The version of what a composed layer's bytes are made of; part of every key that such bytes follow from. */
export const layerFormat = 3;

/** Names what made frames that are said to be of our compressor and were taken over as they came. */
export function claimedId(): string {
  return `${compressorId()}?claimed`;
}

/** The same layer, whose frames count as ours where we made them or proved it. */
export function withoutClaims({ claimed: _, ...plan }: ComposedPlan): ComposedPlan {
  return plan;
}

/** Tells whether a layer's blob can neither be made of its files nor had from the store. */
export function lacksBlob(plan: LayerPlan): boolean {
  return plan.kind === "tar" && !plan.hasBlob && plan.digest !== plan.diffId;
}

/** What layers need of the store. */
export function planReaches(plans: readonly LayerPlan[]): Required<Pick<Reaches, "trees" | "contents">> {
  const each = plans.map(reachesOf);
  return { trees: each.flatMap(({ trees }) => trees), contents: each.flatMap(({ contents }) => contents) };
}

function reachesOf(plan: LayerPlan): { readonly trees: readonly Digest[]; readonly contents: readonly Digest[] } {
  if (plan.kind === undefined) return { trees: [plan.directories, ...plan.blocks], contents: [] };
  return { trees: [plan.files], contents: plan.hasBlob ? [plan.recipe, plan.digest] : [plan.recipe] };
}
