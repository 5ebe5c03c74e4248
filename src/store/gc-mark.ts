// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, isAshlarError } from "../base/index.ts";
import type { ActionRow } from "./action-table.ts";
import { DigestSet } from "./digest-set.ts";
import type { GcOptions } from "./gc-report.ts";
import type { JoinedContent } from "./pack-format.ts";
import { ReachCheck, ReachMarker, type ReachSet, type ReachSource } from "./reach.ts";
import { parseReaches } from "./record.ts";
import type { Reaches, Store } from "./store.ts";
import { isHindrance, isReadFault } from "./system-fault.ts";

/** What garbage collection keeps: what refs reach, and what stays for being young. */
export class GcMarks {
  readonly #store: Store;
  readonly #refs: ReachMarker;
  readonly #young: ReachMarker;
  readonly #joins = new DigestSet();

  constructor(store: Store, source: ReachSource) {
    this.#store = store;
    this.#refs = new ReachMarker(source);
    this.#young = new ReachMarker(source, { onFault: passDamage }, this.#refs);
  }

  get byRefs(): ReachSet {
    return this.#refs.set;
  }

  get byGrace(): ReachSet {
    return this.#young.set;
  }

  /** How many marks there are: what changed is seen in it. */
  get size(): number {
    return this.byRefs.contents.size + this.byGrace.contents.size;
  }

  keeps(digest: Digest): boolean {
    return this.byRefs.contents.has(digest) || this.byGrace.contents.has(digest);
  }

  /** The same of 32 bytes. */
  keepsBytes(digest: Uint8Array): boolean {
    return this.byRefs.contents.hasBytes(digest) || this.byGrace.contents.hasBytes(digest);
  }

  keepsTree(digest: Digest): boolean {
    return this.byRefs.trees.has(digest) || this.byGrace.trees.has(digest);
  }

  /**
   * Marks what the refs reach, of refs known already what is new. Without knowing all of it nothing may be removed.
   * Throws `STORE_REF_BROKEN`; what says nothing of the ref, as too many open files or a disk that fails, as it is.
   */
  markRefs(onRef?: GcOptions["onRef"]): void {
    const refs = this.#store.listRefs();
    onRef?.(0, refs.length);
    for (const [i, ref] of refs.entries()) {
      try {
        this.#refs.mark({ records: [ref.target] });
      } catch (cause) {
        if (!isOfContent(cause)) throw cause;
        const state = `what ref "${ref.name}" reaches cannot be read`;
        throw new AshlarError("STORE_REF_BROKEN", `Cannot collect garbage: ${state}, want it whole or gone`, {
          hint: "run `ashlar store fsck`, then build or pull the image again or remove its name",
          because: [cause.message],
          cause,
        });
      }
      onRef?.(i + 1, refs.length);
    }
  }

  /** Marks the pieces of marked joins that are no trees. Pieces are never joined themselves, so once is enough. */
  markPieces(joins: Iterable<JoinedContent>): void {
    for (const { digest, pieces } of joins) {
      this.#joins.add(digest);
      const marks = [this.byRefs, this.byGrace].find(({ contents }) => contents.has(digest));
      if (marks !== undefined) for (const piece of pieces) marks.contents.add(piece);
    }
  }

  /** Tells whether `markPieces` was told of a join, given as 32 bytes. */
  knowsJoin(digest: Uint8Array): boolean {
    return this.#joins.hasBytes(digest);
  }

  /** Marks a content that is young, given as 32 bytes. */
  markYoung(digest: Uint8Array): void {
    this.#young.set.contents.addBytes(digest);
  }

  /**
   * Marks all that results reach which stay although no ref needs them: those that `isWanted` names, where they are
   * whole. Half a result is of no use, and must not be found.
   */
  markResults(actions: Iterable<ActionRow>, isWanted: (reaches: Reaches) => boolean): void {
    const check = new ReachCheck(this.#store);
    for (const action of actions) {
      const reaches = parseReaches(action.reaches);
      if (Object.keys(reaches).length === 0 || this.#hasAll(reaches) || !isWanted(reaches)) continue;
      if (check.isWhole(reaches)) this.#young.mark(reaches);
    }
  }

  /**
   * An action stays while all it reaches is kept in the same way; one that reaches nothing stays while its inputs
   * do.
   */
  isDead({ reaches: text, inputs }: Pick<ActionRow, "reaches" | "inputs">): boolean {
    const reaches = parseReaches(text);
    if (Object.keys(reaches).length > 0) return !this.#hasAll(reaches);
    return !inputs.every((digest) => this.keeps(digest));
  }

  #hasAll({ contents = [], trees = [], records = [] }: Reaches): boolean {
    const isRecord = (digest: Digest): boolean =>
      this.byRefs.records.has(digest) || this.byGrace.records.has(digest);
    return (
      contents.every((digest) => this.keeps(digest)) &&
      trees.every((digest) => this.keepsTree(digest)) &&
      records.every(isRecord)
    );
  }
}

function passDamage(_: Digest, error: unknown): void {
  if (!isOfContent(error)) throw error;
}

/** Tells whether an error is about what is read: neither about the way to it nor a mistake of ours. */
function isOfContent(error: unknown): error is AshlarError {
  return isAshlarError(error) && !isHindrance(error) && !isReadFault(error);
}
