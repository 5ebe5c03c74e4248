// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, emptyDigest, Hasher, type Json, parseJson } from "../base/index.ts";
import type { Compressor, Tree } from "../formats/index.ts";
import { encodeTreePieces, parseTree } from "../formats/stored/index.ts";
import { type CheckoutHost, runCheckout } from "./checkout.ts";
import { emptyInfo, infoOf } from "./content-info.ts";
import { inPack } from "./in-pack.ts";
import type { FsckOptions, FsckReport } from "./fsck-report.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import { findJoined } from "./joined-content.ts";
import { type JoinedContent, type PackedContent, type PackedFrame, storedBytesOf } from "./pack-format.ts";
import { actionKey, encodeReaches, encodeRecord, parseReaches, parseRecord } from "./record.ts";
import type {
  Action,
  ActionResult,
  CheckoutOptions,
  CheckoutReport,
  ContentInfo,
  ContentSize,
  FetchTurn,
  FramePackWriter,
  Lease,
  PackWriter,
  Reaches,
  Ref,
  Store,
  StoreStats,
} from "./store.ts";
import type { AdoptedFiles } from "./adopted.ts";
import { decodeFrame, storedFrames, verifyStored, verifyWhole } from "./stored-frames.ts";
import { TreeCache } from "./tree-cache.ts";
import { eachContent, type VisitContent } from "./tree-lines.ts";

/** A content that is here, and how to get at its stored bytes. */
export interface Found {
  readonly content: PackedContent;
  readonly compressor: string;
  /** Reads stored bytes; `offset` counts from the content's first frame. May return fewer where the pack ends. */
  read(offset: number, length: number): Uint8Array;
}

export interface StoredAction {
  readonly key: Digest;
  readonly operation: string;
  readonly inputs: readonly Digest[];
  readonly value: string;
  readonly reaches: string;
}

/** What the store on disk and its twin in memory have in common: all that follows from a few primitives. */
export abstract class StoreBase implements Store {
  protected readonly compressor: Compressor | undefined;

  constructor(compressor: Compressor | undefined) {
    this.compressor = compressor;
  }

  /** Looks for a content, or for what it is joined of. */
  protected abstract look(digest: Digest): Found | JoinedContent | undefined;
  protected abstract loadAction(key: Digest): { readonly value: string; readonly reaches: string } | undefined;
  protected abstract saveAction(action: StoredAction): void;
  /** Where `from` is given, only while the ref points to it; returns whether it was saved. */
  protected abstract saveRef(ref: Ref, from?: Digest): boolean;
  protected abstract readonly checkouts: CheckoutHost;

  abstract withPrefix(hex: string): readonly Digest[];
  abstract beginPack(): PackWriter;
  abstract beginFramePack(compressor: string): FramePackWriter;
  abstract getRef(name: string): Digest | undefined;
  abstract getRefOrigin(name: string): readonly string[] | undefined;
  abstract deleteRef(name: string): boolean;
  abstract listRefs(): readonly Ref[];
  abstract lease(options?: { readonly waitMs?: number }): Lease;
  abstract keepCheckout(tree: Digest): string;
  abstract downloadPath(digest: Digest): string;
  abstract beginFetch(digest: Digest): FetchTurn;
  abstract readonly adopted: AdoptedFiles;
  abstract readonly tmpDir: string;
  abstract sizes(): Iterable<ContentSize>;
  abstract stats(): StoreStats;
  abstract gc(options: GcOptions): GcReport;
  abstract fsck(options: FsckOptions): FsckReport;
  abstract close(): void;
  readonly #trees = new TreeCache();
  /** Somebody else may have written the index: the CRC-32 that it gives for a frame proves nothing then. */
  protected readonly doubtsFrames: boolean = false;

  protected find(digest: Digest): Found | undefined {
    const seen = this.look(digest);
    if (seen === undefined || !isJoined(seen)) return seen;
    const pieces: Found[] = [];
    for (const piece of seen.pieces) {
      const found = this.look(piece);
      // A piece that is joined itself is none of ours: such a chain may have no end.
      if (found === undefined || isJoined(found)) return undefined;
      pieces.push(found);
    }
    return findJoined(seen, pieces);
  }

  has(digest: Digest): boolean {
    return digest === emptyDigest || this.find(digest) !== undefined;
  }

  info(digest: Digest): ContentInfo | undefined {
    if (digest === emptyDigest) return emptyInfo;
    const found = this.find(digest);
    return found === undefined ? undefined : infoOf(found.content, found.compressor);
  }

  infos(digests: Iterable<Digest>): Map<Digest, ContentInfo> {
    const infos = new Map<Digest, ContentInfo>();
    for (const digest of digests) {
      const info = this.info(digest);
      if (info !== undefined) infos.set(digest, info);
    }
    return infos;
  }

  read(digest: Digest): Uint8Array {
    if (digest === emptyDigest) return new Uint8Array();
    const found = this.#require(digest);
    const [only, ...others] = found.content.frames as [PackedFrame, ...PackedFrame[]];
    if (others.length > 0) return Buffer.concat([...this.#pieces(found)]);
    // One frame of one content: its digest is the content's, so hashing once proves both.
    return decodeFrame(found.content, only, found.read(0, only.storedBytes));
  }

  *stream(digest: Digest): Iterable<Uint8Array> {
    if (digest === emptyDigest) return;
    const found = this.#require(digest);
    if (found.content.frames.length > 1) yield* this.#pieces(found);
    else yield this.read(digest);
  }

  *#pieces(found: Found): Iterable<Uint8Array> {
    const hasher = new Hasher();
    for (const [frame, stored] of storedFrames(found)) {
      const raw = decodeFrame(found.content, frame, stored);
      hasher.update(raw);
      yield raw;
    }
    verifyWhole(found.content.digest, hasher);
  }

  readFrames(digest: Digest): Uint8Array {
    if (digest === emptyDigest) return new Uint8Array();
    if (this.doubtsFrames) return Buffer.concat([...this.streamFrames(digest)]);
    const found = this.#require(digest);
    const stored = found.read(0, storedBytesOf(found.content));
    let at = 0;
    for (const frame of found.content.frames) {
      verifyStored(found.content, frame, stored.subarray(at, at + frame.storedBytes));
      at += frame.storedBytes;
    }
    return stored;
  }

  *streamFrames(digest: Digest): Iterable<Uint8Array> {
    if (digest === emptyDigest) return;
    const found = this.#require(digest);
    const hasher = new Hasher();
    for (const [frame, stored] of storedFrames(found)) {
      if (this.doubtsFrames) hasher.update(decodeFrame(found.content, frame, stored));
      else verifyStored(found.content, frame, stored);
      yield stored;
    }
    if (this.doubtsFrames) verifyWhole(digest, hasher);
  }

  #require(digest: Digest): Found {
    const found = this.find(digest);
    if (found !== undefined) return found;
    throw new AshlarError("STORE_CONTENT_MISSING", `Cannot read content "${digest}": ${this.stateOf(digest)}`, {
      hint: "build or fetch what contains it again",
      details: { digest },
    });
  }

  /** Says what is missing of a content that cannot be found. */
  protected stateOf(digest: Digest): string {
    const seen = this.look(digest);
    const gone = seen !== undefined && isJoined(seen) ? seen.pieces.find((piece) => !this.has(piece)) : undefined;
    return gone === undefined ? "not in the store" : `its piece "${gone}" is not in the store`;
  }

  put(bytes: Uint8Array): ContentInfo {
    const pack = this.beginPack();
    try {
      const info = pack.put(bytes);
      pack.commit();
      return info;
    } finally {
      pack.abort();
    }
  }

  putTree(tree: Tree, pack?: PackWriter): Digest {
    const pieces = encodeTreePieces(tree);
    const { digest } = pack === undefined ? inPack(this, (own) => own.putJoined(pieces)) : pack.putJoined(pieces);
    this.#trees.set(digest, tree);
    return digest;
  }

  readTree(digest: Digest): Tree {
    const known = this.#trees.get(digest);
    if (known !== undefined) return known;
    const tree = parseTree(this.read(digest));
    this.#trees.set(digest, tree);
    return tree;
  }

  eachFile(digest: Digest, visit: VisitContent): void {
    if (eachContent(this.read(digest), true, visit)) return;
    throw new AshlarError("TREE_INVALID", `Cannot read tree "${digest}": its last line has no end`);
  }

  putRecord(value: Json, reaches: Reaches, pack?: PackWriter): Digest {
    return (pack ?? this).put(encodeRecord(value, reaches)).digest;
  }

  readRecord(digest: Digest): { readonly value: Json; readonly reaches: Reaches } {
    return parseRecord(this.read(digest));
  }

  getAction(action: Action): ActionResult | undefined {
    const stored = this.loadAction(actionKey(action));
    if (stored === undefined) return undefined;
    const reaches = parseReaches(stored.reaches);
    const all = [...(reaches.contents ?? []), ...(reaches.trees ?? []), ...(reaches.records ?? [])];
    if (!all.every((digest) => this.has(digest))) return undefined;
    return { value: parseJson(stored.value, "remembered action") as Json, reaches };
  }

  putAction(action: Action, result: ActionResult): void {
    const value = JSON.stringify(result.value);
    const { operation, inputs } = action;
    this.saveAction({ key: actionKey(action), operation, inputs, value, reaches: encodeReaches(result.reaches) });
  }

  setRef(name: string, target: Digest, origin?: readonly string[]): void {
    this.#verifyRef(name, target);
    this.saveRef({ name, target, ...(origin === undefined ? {} : { origin }) });
  }

  moveRef(ref: Ref, from: Digest): boolean {
    this.#verifyRef(ref.name, ref.target);
    return this.saveRef(ref, from);
  }

  #verifyRef(name: string, target: Digest): void {
    if (name === "" || name.length > 1024 || /[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed()) {
      const shown = JSON.stringify(name.slice(0, 100));
      throw new AshlarError("STORE_REF_INVALID", `Cannot set ref ${shown}: want 1 to 1024 printable characters`);
    }
    // A ref to nothing would keep gc from knowing what it reaches.
    this.#require(target);
  }

  checkout(wanted: Tree | Digest, dir: string, options: CheckoutOptions): CheckoutReport {
    const lease = this.lease();
    try {
      return runCheckout(this.checkouts, { wanted, dir, options });
    } finally {
      lease.release();
    }
  }
}

function isJoined(seen: Found | JoinedContent): seen is JoinedContent {
  return "pieces" in seen;
}
