// SPDX-License-Identifier: Apache-2.0
export interface GcAmount {
  readonly count: number;
  readonly bytes: number;
}

/** What garbage collection takes, each for a reason of its own. */
export type GcKind =
  | "contents"
  | "packs"
  | "actions"
  | "links"
  | "plans"
  | "checkouts"
  | "downloads"
  | "roots"
  | "quarantine"
  | "tmp";

/** "mark": find what is needed, "copy": out of packs, "wait": for builds, "sweep": alone, "clean": remove files. */
export type GcPhase = "mark" | "copy" | "wait" | "sweep" | "clean";

export interface GcReport {
  readonly removedContents: number;
  readonly removedPacks: number;
  readonly rewrittenPacks: number;
  readonly removedLinks: number;
  readonly removedActions: number;
  readonly removedDownloads: number;
  /** What the file system got back: blocks on disk. */
  readonly freedBytes: number;
  /** Bytes of contents are those of their frames, which lie in the packs; actions and roots have none. */
  readonly removed: Readonly<Record<GcKind, GcAmount>>;
  /** Contents that stay: so many refs reach some, others are younger than the grace or needed by what is. */
  readonly kept: { readonly refs: number; readonly byRefs: GcAmount; readonly byGrace: GcAmount };
}

export interface GcOptions {
  /** Report what would be removed, remove nothing. */
  readonly dryRun?: boolean;
  /** Empty the quarantine too, which else keeps things for two weeks. */
  readonly purge?: boolean;
  /** How long to wait for leases to end; default 0. */
  readonly waitMs?: number;
  /**
   * Packs and downloads whose files are not older than `ms` at the time `nowMs` stay, with all that results need
   * which reach into them; absent: only what refs reach stays. A wrong clock can only make garbage stay or go.
   */
  readonly grace?: { readonly ms: number; readonly nowMs: number } | undefined;
  readonly onPhase?: ((phase: GcPhase) => void) | undefined;
  /** Told while it finds out what is needed how many of the refs it has followed, 0 at first. */
  readonly onRef?: ((followed: number, refs: number) => void) | undefined;
}
