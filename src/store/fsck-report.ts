// SPDX-License-Identifier: Apache-2.0
import type { Digest, Progress } from "../base/index.ts";

/** Where a fault lies: "missing" is what a ref reaches and no pack has. */
export type FaultKind =
  | "refs" | "index" | "pack" | "content" | "missing" | "adopted" | "link" | "root" | "plan" | "download";

export interface FsckFault {
  readonly kind: FaultKind;
  /** A digest or a path. */
  readonly what: string;
  readonly why: string;
  readonly hint?: string | undefined;
  /** Names of the refs that need it, sorted. */
  readonly refs: readonly string[];
  /**
   * What repair did. "quarantined": the sound rest was saved, the damaged file lies in quarantine; "removed": it is
   * derived and is made again; "restored": put right out of what is sound. Absent: nothing, or it was not asked to.
   */
  readonly repair?: "quarantined" | "removed" | "restored" | undefined;
}

export interface FsckReport {
  /** How many were looked at. */
  readonly contents: number;
  readonly packs: number;
  readonly faults: readonly FsckFault[];
  /** Paths of what repair moved into quarantine. */
  readonly quarantined: readonly string[];
}

/** Part `part` of `of` equal ones, counted from 1. */
export interface FsckSubset {
  readonly part: number;
  readonly of: number;
}

export interface FsckOptions {
  /** Decompress and hash everything; else sizes, tables and links' metadata only. */
  readonly full: boolean;
  /**
   * Only what falls into this part, all bytes of it, and not what refs reach. What falls where follows from names
   * alone, so all parts together are everything, whatever was added meanwhile.
   */
  readonly subset?: FsckSubset | undefined;
  /** Set aside what is damaged, so that it is fetched or built again. */
  readonly repair?: boolean | undefined;
  readonly progress?: Progress | undefined;
}

/** Tells whether something falls into a part: by the first digits of its digest. What has none is in the first. */
export function isInSubset(hexDigits: string, subset: FsckSubset | undefined): boolean {
  return subset === undefined || (Number.parseInt(hexDigits.slice(0, 8), 16) || 0) % subset.of === subset.part - 1;
}

/** What a check found: a fault without what follows from all of them. */
export interface FoundFault extends Omit<FsckFault, "refs"> {
  /** The contents for whose sake refs are hit, where `what` is none itself; may grow until all is checked. */
  readonly blames?: ReadonlySet<Digest>;
}
