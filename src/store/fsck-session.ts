// SPDX-License-Identifier: Apache-2.0
import { type Digest, hexOf, isAshlarError, isDigest, type ProgressStep } from "../base/index.ts";
import type { FoundFault, FsckFault, FsckOptions } from "./fsck-report.ts";
import type { IndexDatabase } from "./index-database.ts";
import { isInSubset } from "./fsck-report.ts";
import type { Layout } from "./layout.ts";
import type { JoinedContent } from "./pack-format.ts";
import { quarantine } from "./quarantine.ts";
import { refsReaching } from "./reaching-refs.ts";
import type { RefsFault } from "./refs-database.ts";
import type { Store } from "./store.ts";
import { isHindrance, readTwice } from "./system-fault.ts";

export interface FsckParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  /** Makes the index anew out of the packs; the one before is closed. */
  readonly renewIndex: () => IndexDatabase;
  readonly refs: { faults(): readonly RefsFault[]; repair(faults: readonly RefsFault[]): void };
  /** The list of adopted files: what is wrong with it, and how to be rid of it. */
  readonly adopted: { faults(): readonly string[]; drop(): void };
}

export const rebuildHint = "build or pull the images again that need it";

/** What all checks of a store need, and where they say what they find. */
export class FsckSession {
  readonly store: Store;
  readonly parts: FsckParts;
  readonly options: FsckOptions;
  index: IndexDatabase;
  readonly #found: FoundFault[] = [];
  readonly #blamed = new Set<Digest>();

  constructor(store: Store, parts: FsckParts, options: FsckOptions) {
    this.store = store;
    this.parts = parts;
    this.options = options;
    this.index = parts.index;
  }

  get repairs(): boolean {
    return this.options.repair === true;
  }

  /** Whether all bytes are read, of what is looked at. */
  get full(): boolean {
    return this.options.full || this.options.subset !== undefined;
  }

  get faultCount(): number {
    return this.#found.length;
  }

  /** Notes a fault; what repair does with it counts only where repair is asked for. */
  say(fault: FoundFault): void {
    const { repair, ...rest } = fault;
    this.#found.push(this.repairs && repair !== undefined ? fault : rest);
    for (const digest of blamedBy(fault)) this.#blamed.add(digest);
  }

  /** Tells whether a fault names this content already. */
  isBlamed(digest: Digest): boolean {
    return this.#blamed.has(digest);
  }

  setAside(path: string): void {
    quarantine(this.parts.layout, path);
  }

  isChosen(digest: Digest): boolean {
    return isInSubset(hexOf(digest), this.options.subset);
  }

  start(name: string, total?: number, unit?: "bytes" | "items"): ProgressStep {
    return this.options.progress?.start(`check ${name}`, total, unit) ?? { advance: () => {}, done: () => {} };
  }

  /** All faults, each with the refs that need what it names. */
  faults(): FsckFault[] {
    const hit = this.#blamed.size === 0 ? new Map<Digest, string[]>() : this.#refsHit();
    return this.#found.map(({ blames: _, ...fault }, i) => {
      const digests = blamedBy(this.#found[i] as FoundFault);
      return { ...fault, refs: [...new Set(digests.flatMap((digest) => hit.get(digest) ?? []))].sort() };
    });
  }

  #refsHit(): Map<Digest, string[]> {
    try {
      return refsReaching(this.store, this.#blamed, joined(this.index));
    } catch (error) {
      // The refs or the index themselves cannot be read: that is among the faults.
      if (!isAshlarError(error) || isHindrance(error)) throw error;
      return new Map();
    }
  }
}

function* joined(index: IndexDatabase): Iterable<JoinedContent> {
  for (const { join } of index.joins()) yield join;
}

function blamedBy({ what, blames = new Set() }: FoundFault): Digest[] {
  return isDigest(what) ? [what, ...blames] : [...blames];
}

/** Runs a check; returns the faults it returned or threw. It may run twice. */
export function attempt(check: () => readonly string[] | void): readonly string[] {
  try {
    return readTwice(check) ?? [];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** What an error says of the store. What only says that we could not look is no fault of it, and is thrown on. */
export function messageOf(error: unknown): string {
  if (isAshlarError(error) && !isHindrance(error)) return error.message;
  throw error;
}
