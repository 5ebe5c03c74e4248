// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { Reaches } from "../store/index.ts";

/** A layer by digests: what an image's record keeps of it. */
export type LayerPlan = ComposedPlan | ForeignPlan;

/** A layer that we make: the digests of its encoded trees. */
export interface ComposedPlan {
  readonly kind?: undefined;
  /** Which phase it belongs to, e.g. "packages"; with a number where the phase is split. */
  readonly name: string;
  readonly directories: Digest;
  readonly blocks: readonly Digest[];
}

/** A layer that somebody else made: its blob is kept as a content and passes byte for byte, in every form. */
export interface ForeignPlan {
  readonly kind: "foreign";
  /** "from 1", "from 2", ... from the bottom. */
  readonly name: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly diffId: Digest;
}

/** What layers need of the store. */
export function planReaches(plans: readonly LayerPlan[]): Required<Pick<Reaches, "trees" | "contents">> {
  const trees = plans.flatMap((plan) => (plan.kind === "foreign" ? [] : [plan.directories, ...plan.blocks]));
  const contents = plans.flatMap((plan) => (plan.kind === "foreign" ? [plan.digest] : []));
  return { trees, contents };
}
