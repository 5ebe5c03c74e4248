// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestFromBytes, isAshlarError } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import { DigestSet } from "./digest-set.ts";
import { ExactDigestSet } from "./exact-digest-set.ts";
import type { Reaches, Store } from "./store.ts";
import { isHindrance, readTwice } from "./system-fault.ts";
import { digestAt, eachContent } from "./tree-lines.ts";

/** What is reached, by the way in which it is: a tree that is reached as plain content keeps no files. */
export class ReachSet {
  /** Those of trees and records too. */
  readonly contents = new DigestSet();
  readonly trees = new Set<Digest>();
  readonly records = new Set<Digest>();
}

/** Tells whether all that things reach is here, with every file of their trees; looks at each tree and record once. */
export class ReachCheck {
  readonly #store: Pick<Store, "has" | "readTree" | "readRecord">;
  readonly #known = new Map<Digest, boolean>();

  constructor(store: Pick<Store, "has" | "readTree" | "readRecord">) {
    this.#store = store;
  }

  isWhole({ contents = [], trees = [], records = [] }: Reaches): boolean {
    return (
      contents.every((digest) => this.#store.has(digest)) &&
      trees.every((digest) => this.#once(digest, () => this.#isTreeWhole(digest))) &&
      records.every((digest) => this.#once(digest, () => this.isWhole(this.#store.readRecord(digest).reaches)))
    );
  }

  #isTreeWhole(digest: Digest): boolean {
    return this.#store.readTree(digest).every((entry) => entry.type !== "file" || this.#store.has(entry.content));
  }

  /** What cannot be read is not here; but that we could not look says nothing. */
  #once(digest: Digest, look: () => boolean): boolean {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    let isWhole = false;
    try {
      isWhole = readTwice(() => this.#store.has(digest) && look());
    } catch (error) {
      if (!isAshlarError(error) || isHindrance(error)) throw error;
    }
    this.#known.set(digest, isWhole);
    return isWhole;
  }
}

/** Where the marks are read. */
export interface ReachSource {
  readRecord(digest: Digest): { readonly reaches: Reaches };
  readTree(digest: Digest): Tree;
  read(digest: Digest): Uint8Array;
  /** What a content is joined of, 32 bytes each, back to back; undefined where it is not. */
  piecesOf(digest: Digest): Uint8Array | undefined;
}

export interface ReachEvents {
  /** A record or tree that cannot be read; without it the error is thrown. */
  readonly onFault?: (digest: Digest, error: unknown) => void;
  /** A content that is reached, once; trees, their pieces and records are none. */
  readonly onContent?: (digest: Digest) => void;
  /** The same as often as it is named: with it contents are told and not marked. Not of those in `known`. */
  readonly onMention?: (digest: Digest) => void;
  readonly known?: DigestSet;
}

/**
 * Follows records and trees and marks all that is reached. Images that differ in some packages have trees that share
 * most of their pieces: each piece is read once, and only for the contents that its lines name.
 */
export class ReachMarker {
  readonly set = new ReachSet();
  readonly #source: ReachSource;
  readonly #events: ReachEvents;
  /** What this one need not look at, because that one did. */
  readonly #base: ReachMarker | undefined;
  /** Pieces of trees that were read. Whole digests: one that is taken for another would leave files unmarked. */
  readonly #pieces = new ExactDigestSet();

  constructor(source: ReachSource, events: ReachEvents = {}, base?: ReachMarker) {
    this.#source = source;
    this.#events = events;
    this.#base = base;
  }

  mark(roots: Reaches): void {
    const waiting: Reaches[] = [roots];
    for (let reaches = waiting.pop(); reaches !== undefined; reaches = waiting.pop()) {
      for (const digest of reaches.contents ?? []) this.#content(digest);
      for (const digest of this.#fresh(reaches, "trees")) {
        this.#attempt(digest, () => this.#tree(digest));
      }
      for (const digest of this.#fresh(reaches, "records")) {
        this.#attempt(digest, () => waiting.push(this.#source.readRecord(digest).reaches));
      }
    }
  }

  #fresh(reaches: Reaches, kind: "trees" | "records"): Digest[] {
    const isKnown = (digest: Digest): boolean =>
      this.set[kind].has(digest) || this.#base?.set[kind].has(digest) === true;
    const left = (reaches[kind] ?? []).filter((digest) => !isKnown(digest));
    for (const digest of left) {
      this.set[kind].add(digest);
      this.set.contents.add(digest);
    }
    return left;
  }

  #attempt(digest: Digest, step: () => void): void {
    try {
      step();
    } catch (error) {
      if (this.#events.onFault === undefined) throw error;
      this.#events.onFault(digest, error);
    }
  }

  #content(digest: Digest): void {
    const { onMention, known } = this.#events;
    if (onMention === undefined) {
      if (this.set.contents.add(digest)) this.#events.onContent?.(digest);
    } else if (known?.has(digest) !== true) {
      onMention(digest);
    }
  }

  #tree(digest: Digest): void {
    const pieces = this.#source.piecesOf(digest);
    const base = this.#base;
    if (pieces === undefined) {
      if (!this.#scan(this.#source.read(digest), true)) this.#wholeTree(digest);
      return;
    }
    for (let at = 0; at < pieces.length; at += 32) {
      this.set.contents.addBytes(pieces.subarray(at, at + 32));
      if (this.#pieces.has(pieces, at) || (base !== undefined && base.#pieces.has(pieces, at))) continue;
      const piece = this.#source.read(digestFromBytes(pieces.subarray(at, at + 32)));
      if (!this.#scan(piece, at === 0)) return this.#wholeTree(digest);
      // Noted when it is marked: after a fault the next tree tries again, and says so.
      this.#pieces.add(pieces, at);
    }
  }

  /** Marks what the lines of a tree's piece name; false as `eachContent` gives it. */
  #scan(piece: Uint8Array, isFirst: boolean): boolean {
    const { onMention, onContent, known } = this.#events;
    return eachContent(piece, isFirst, (bytes, hexAt) => {
      if (onMention !== undefined) {
        if (known?.hasHex(bytes, hexAt) !== true) onMention(digestAt(bytes, hexAt));
      } else if (this.set.contents.addHex(bytes, hexAt)) {
        onContent?.(digestAt(bytes, hexAt));
      }
    });
  }

  #wholeTree(digest: Digest): void {
    for (const entry of this.#source.readTree(digest)) if (entry.type === "file") this.#content(entry.content);
  }
}
