// SPDX-License-Identifier: Apache-2.0
import type { Digest, ImagePath, Json } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { AdoptedFiles } from "./adopted.ts";
import type { FsckOptions, FsckReport } from "./fsck-report.ts";
import type { GcOptions, GcReport } from "./gc-report.ts";
import type { VisitContent } from "./tree-lines.ts";

/** What the store knows of a content without reading it. */
export interface ContentInfo {
  readonly digest: Digest;
  /** Uncompressed size. */
  readonly sizeBytes: number;
  /** CRC-64/ISO of the uncompressed bytes, 16 hexadecimal digits (tar-split needs it). */
  readonly crc64: string;
  /**
   * Identity of the compressor that made the frames; absent where the content is empty. "joined" where they are those
   * of other contents: cut where those end, so that a layer never takes them for frames of its own.
   */
  readonly compressor?: string;
  /** The frames in order; together they decompress to the content. None where it is empty. */
  readonly frames: readonly FrameInfo[];
}

/** One zstd frame: a whole content, or one piece of at most `limits.frameBytesMax` of a larger one. */
export interface FrameInfo {
  /** sha256 of this piece, uncompressed. Equal to the content's digest where there is only one frame. */
  readonly digest: Digest;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/** Takes one content in pieces. */
export interface ContentWriter {
  write(bytes: Uint8Array): void;
  /** Finishes the content; a content that the store or this pack holds already costs no space. */
  end(): ContentInfo;
  /** Takes back what was written since it was opened. */
  abort(): void;
  /** Gives up the content; its whole frames so far stay as contents of their own, to go on from another time. */
  leave(): void;
}

/**
 * A transaction that adds contents. Nothing of it is visible to others before `commit`, and after
 * `commit` returned everything survives a crash. One content is open at a time.
 */
export interface PackWriter {
  open(): ContentWriter;
  /** Adds a content that is at hand whole. */
  put(bytes: Uint8Array): ContentInfo;
  /**
   * Adds a content that is the join of these pieces, none of them empty. Each becomes a content of its own, which other
   * joins share.
   */
  putJoined(pieces: readonly Uint8Array[]): ContentInfo;
  commit(): void;
  abort(): void;
}

/** Takes one content in frames that somebody else made. */
export interface FrameWriter {
  /** Takes the next frame, one zstd frame of `rawBytes` bytes. Throws `STORE_FRAME_INVALID`. */
  write(stored: Uint8Array, rawBytes: number): void;
  /**
   * Finishes the content and proves that it is the one asked for; one that is here already costs no space. Throws
   * `STORE_FRAME_INVALID`; the writer is then aborted.
   */
  end(digest: Digest): ContentInfo;
  /** Takes back what was written since it was opened. */
  abort(): void;
  /** As `ContentWriter.leave`. */
  leave(): void;
}

/** A transaction that takes over frames as they came; promises as those of `PackWriter`. */
export interface FramePackWriter {
  open(): FrameWriter;
  commit(): void;
  abort(): void;
}

/** What keeps garbage collection away: a ref or action points at these, and through records and trees on. */
export interface Reaches {
  readonly contents?: readonly Digest[];
  /** Contents that are encoded trees: all files of the tree are reached too. */
  readonly trees?: readonly Digest[];
  /** Contents that are records: what they reach is reached too. */
  readonly records?: readonly Digest[];
}

/** A remembered result of a pure step. */
export interface ActionResult {
  readonly value: Json;
  readonly reaches: Reaches;
}

/** A pure step's name: its key is the digest of the canonical JSON of this (Remote Execution's `Action`). */
export interface Action {
  /** e.g. "deb.unpack" */
  readonly operation: string;
  /** The version of the operation's result format; raised whenever the same input gives another result. */
  readonly version: number;
  readonly inputs: readonly Digest[];
  /** Parameters; never a path of the host, a time or Ashlar's release number. */
  readonly parameters?: Json;
}

export interface Ref {
  readonly name: string;
  /** A record. */
  readonly target: Digest;
  /** The arguments of the command line that brings it again; absent: nobody said. */
  readonly origin?: readonly string[];
}

export interface Lease {
  /** Ends the protection; idempotent. */
  release(): void;
}

/** Who may fetch what is missing: we until `release`, or somebody else. */
export type FetchTurn =
  | { readonly kind: "ours"; release(): void }
  /** `beat` changes every some seconds as long as the other one works; `holders` says who that is, for people. */
  | { readonly kind: "elsewhere"; readonly beat: number; readonly holders: () => readonly string[] };

export interface ContentSize {
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly rawBytes: number;
  /** All frames together. */
  readonly storedBytes: number;
}

export interface StoreStats {
  readonly contents: number;
  /** Uncompressed bytes of all distinct contents. */
  readonly contentBytes: number;
  readonly packs: number;
  /** Sizes of their files; those below are what there is on disk. */
  readonly packBytes: number;
  readonly links: number;
  readonly linkBytes: number;
  readonly downloads: number;
  readonly downloadBytes: number;
  readonly indexBytes: number;
  readonly actions: number;
  readonly refs: number;
  /** Files of the host that may serve as contents, and their bytes; not part of the store. */
  readonly adopted: number;
  readonly adoptedBytes: number;
  /** What the store's directories have on disk, all in all, an inode once. `du -s` gives the same. */
  readonly diskBytes: number;
}

/**
 * How files came into a checkout: by hard links to the store's, as files of their own that share blocks with the
 * store's until they are written to, or as copies.
 */
export type CheckoutMode = "link" | "reflink" | "copy";

/** "keep": make them, "skip": leave them out, "fail": refuse a tree that has some. */
export type DevicePolicy = "keep" | "skip" | "fail";

export interface CheckoutOptions {
  /**
   * "link": hard links into the store, read-only by agreement; on another file system than the store's reflinks,
   * and where there are none, copies. "copy": own files.
   */
  readonly mode: "link" | "copy";
  /** Character and block devices; absent: "keep" for root, "skip" for others. What is left out is reported. */
  readonly devices?: DevicePolicy | undefined;
  /**
   * Turns what this store checked out to `dir` before into the tree, touching only what differs; a directory that
   * is empty or not there is made. Interrupted, the same call finishes it. Needs the tree's digest.
   */
  readonly update?: boolean | undefined;
  /** A tree checked out by links that an overlay shows below this one: none of its inodes is used again. */
  readonly above?: Tree | undefined;
}

/** What a checkout did, and could not do as its user. Owners are not listed: without root all are the user's. */
export interface CheckoutReport {
  readonly mode: CheckoutMode;
  /** Devices and security attributes that only root can make, in the tree's order by kind. */
  readonly skipped: readonly { readonly path: ImagePath; readonly why: string }[];
  /** How many entries were as wanted, were made, and were taken away; absent: a new checkout. */
  readonly update?: { readonly kept: number; readonly made: number; readonly removed: number };
}

/** Content store. All calls are synchronous; several processes and threads may use one store at a time. */
export interface Store {
  /** Tells whether the content is here. */
  has(digest: Digest): boolean;
  info(digest: Digest): ContentInfo | undefined;
  /** The contents whose digests begin with these hexadecimal digits, an even number of them. */
  withPrefix(hex: string): readonly Digest[];
  /** Several at once; what is missing is left out. */
  infos(digests: Iterable<Digest>): Map<Digest, ContentInfo>;
  /** All contents but the joined ones, whose bytes are those of their pieces; good until the next one is asked for. */
  sizes(): Iterable<ContentSize>;
  /** The content, verified. Throws `STORE_CONTENT_MISSING`, `STORE_CONTENT_DAMAGED`. */
  read(digest: Digest): Uint8Array;
  /** The content piece by piece, verified at the end. */
  stream(digest: Digest): Iterable<Uint8Array>;
  /** The frames of a content as stored, back to back, in order. Throws `STORE_CONTENT_MISSING`. */
  readFrames(digest: Digest): Uint8Array;
  /** The same frame by frame, so that a large content is never in memory whole. */
  streamFrames(digest: Digest): Iterable<Uint8Array>;
  beginPack(): PackWriter;
  /** A pack of frames of another compressor, kept under its name: nothing is compressed. */
  beginFramePack(compressor: string): FramePackWriter;
  /** Adds one small content by itself. For more than one use `beginPack`. */
  put(bytes: Uint8Array): ContentInfo;

  putTree(tree: Tree, pack?: PackWriter): Digest;
  readTree(digest: Digest): Tree;
  /** Tells the content of each regular file of a tree, in order, for who looks at thousands of trees. */
  eachFile(tree: Digest, visit: VisitContent): void;
  /** Adds a record: JSON that other parts of Ashlar give a meaning to, with what it reaches. */
  putRecord(value: Json, reaches: Reaches, pack?: PackWriter): Digest;
  readRecord(digest: Digest): { readonly value: Json; readonly reaches: Reaches };

  /** The remembered result, or undefined; never one whose direct `reaches` are no longer here. */
  getAction(action: Action): ActionResult | undefined;
  putAction(action: Action, result: ActionResult): void;

  getRef(name: string): Digest | undefined;
  getRefOrigin(name: string): readonly string[] | undefined;
  /** Durable when it returns. The target is a record. */
  setRef(name: string, target: Digest, origin?: readonly string[]): void;
  /** The same of a ref that points to `from` still, also where several processes do this; returns whether it did. */
  moveRef(ref: Ref, from: Digest): boolean;
  deleteRef(name: string): boolean;
  listRefs(): readonly Ref[];

  /**
   * Keeps gc away until released or the process ends. Waits up to `waitMs`, minutes when absent, for a collection that
   * goes on. Throws `STORE_BUSY`.
   */
  lease(options?: { readonly waitMs?: number }): Lease;
  /**
   * Makes `dir` (absent or empty) a root file system. With the digest of an encoded tree the next checkout of it is
   * faster, and the directory can be updated. Throws `STORE_CHECKOUT_*`, `POLICY_DEVICE`.
   */
  checkout(tree: Tree | Digest, dir: string, options: CheckoutOptions): CheckoutReport;

  /**
   * A directory that holds an encoded tree by links, for reading only: made once, and kept until gc. Hold a lease
   * while it is in use. Throws `STORE_CHECKOUT_*`, `STORE_CONTENT_MISSING`.
   */
  keepCheckout(tree: Digest): string;

  /** Where a verified download of this digest lies or shall lie; files there are dropped by gc at will. */
  downloadPath(digest: Digest): string;
  /**
   * Takes the sole right among all processes and threads to fetch what has this digest, without waiting; whatever
   * ends its holder gives it back. Look again whether it is here once it is ours. It is a lease too. `inTurn` waits.
   */
  beginFetch(digest: Digest): FetchTurn;
  /** Contents that lie elsewhere on this machine. */
  readonly adopted: AdoptedFiles;
  /** A private directory for temporary files on the store's file system; hold a lease while one is in use. */
  readonly tmpDir: string;

  stats(): StoreStats;
  /** Removes what refs do not reach. Throws `STORE_BUSY` when leases are still held after `waitMs`. */
  gc(options: GcOptions): GcReport;
  fsck(options: FsckOptions): FsckReport;
  close(): void;
}
