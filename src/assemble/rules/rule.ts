// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../../base/index.ts";
import type { Entry } from "../../formats/index.ts";
import type { RuleRoot } from "./rule-root.ts";

/** What a rule wants done to a tree; `what` says it in words for a report, e.g. "removed". */
export type RuleChange =
  | {
      readonly kind: "remove";
      readonly path: ImagePath;
      readonly what: string;
      readonly secret?: FoundSecret;
    }
  /** Replaces the entry at this path, or adds it. */
  | { readonly kind: "put"; readonly entry: Entry; readonly what: string; readonly secret?: FoundSecret }
  /** Leaves the entry as it is, and reports it. */
  | { readonly kind: "keep"; readonly path: ImagePath; readonly what: string; readonly secret: FoundSecret };

/** Something that must not be the same in two containers, made while packages were installed. */
export interface FoundSecret {
  /** e.g. "ssh host key". */
  readonly kind: string;
  /** Name of the package whose script makes it, where that is known. */
  readonly package?: string;
  /** What makes it anew in a container; absent where none is known. */
  readonly regenerate?: string;
}

/**
 * One source of difference between two installations of the same packages, and what is done about it.
 * `docs/determinism-rules.md` lists them all.
 */
export interface Rule {
  readonly name: string;
  /** Why the bytes would differ, in one sentence. */
  readonly why: string;
  /** The changes, in the order of paths. Pure: same trees, same changes. */
  apply(root: RuleRoot): readonly RuleChange[];
}
