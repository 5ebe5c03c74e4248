// SPDX-License-Identifier: Apache-2.0
import { crc32 } from "node:zlib";

import { type Digest, digestOf, emptyDigest, Hasher, limits } from "../base/index.ts";
import type { Compressor } from "../formats/index.ts";
import { type Crc64, crc64, crc64Hex } from "../formats/stored/index.ts";
import { emptyInfo, infoOf, joinedId, joinedInfo } from "./content-info.ts";
import { framedContent, piecesOf } from "./framed-content.ts";
import { measureJoin } from "./joined-content.ts";
import {
  type JoinedContent,
  packHeaderBytes,
  type PackedContent,
  type PackedFrame,
  type PackTable,
} from "./pack-format.ts";
import type { ContentInfo, ContentWriter, FrameWriter, PackWriter } from "./store.ts";

/** Where the frames of a new pack go. */
export interface PackOutput {
  /** Appends; the bytes may change after the call. */
  append(bytes: Uint8Array): void;
  /** Forgets everything from `offset` of the pack on. */
  rollback(offset: number): void;
  /** Makes the pack durable and visible. Called at most once, and not for a pack without contents. */
  commit(table: PackTable): void;
  /** Removes what was written. */
  discard(): void;
}

export interface PackBuilderParts {
  readonly compressor: Compressor;
  readonly output: PackOutput;
  /** A content that the store has already. */
  readonly find: (digest: Digest) => ContentInfo | undefined;
  /** Called once, when the pack is committed or aborted. */
  readonly onEnd?: () => void;
}

/** The one writer of packs: cuts contents into frames, compresses them, leaves out what is there already. */
export class PackBuilder implements PackWriter {
  readonly #parts: PackBuilderParts;
  readonly #contents = new Map<Digest, PackedContent>();
  readonly #joins = new Map<Digest, JoinedContent>();
  #offset = packHeaderBytes;
  #state: "ready" | "open" | "ended" = "ready";
  #buffer: Buffer = Buffer.alloc(0);

  constructor(parts: PackBuilderParts) {
    this.#parts = parts;
  }

  put(bytes: Uint8Array): ContentInfo {
    this.#expect("ready");
    return this.#putWhole(bytes);
  }

  putJoined(pieces: readonly Uint8Array[]): ContentInfo {
    this.#expect("ready");
    if (pieces.length < 2) return this.#putWhole(pieces[0] ?? new Uint8Array());
    const join = measureJoin(pieces);
    const known = this.#known(join.digest);
    if (known !== undefined) return known;
    const infos = pieces.map((piece) => this.#putPiece(piece));
    this.#joins.set(join.digest, { ...join, pieces: infos.map(({ digest }) => digest) });
    return joinedInfo(join, infos);
  }

  /** The piece of a join is never a join: what is known as one is put beside it. */
  #putPiece(bytes: Uint8Array): ContentInfo {
    if (bytes.length === 0) throw new Error("internal error: a joined content has an empty piece");
    const digest = digestOf(bytes);
    const known = this.#known(digest);
    return known === undefined || known.compressor === joinedId ? this.#add(bytes, digest) : known;
  }

  open(): ContentWriter {
    this.#expect("ready");
    this.#state = "open";
    const start = this.#offset;
    const hasher = new Hasher();
    let crc: Crc64 | undefined;
    const frames: PackedFrame[] = [];
    const crcs: string[] = [];
    let filled = 0;
    const flush = (): void => {
      const raw = this.#buffer.subarray(0, filled);
      hasher.update(raw);
      crc = crc64(raw, crc);
      crcs.push(hexOfCrc(crc64(raw)));
      frames.push(this.#writeFrame(raw, digestOf(raw)));
      filled = 0;
    };
    let live = true;
    const close = (): void => {
      if (!live) throw new Error("internal error: the content writer has ended");
      live = false;
      this.#state = "ready";
    };
    return {
      write: (bytes) => {
        if (!live) throw new Error("internal error: the content writer has ended");
        for (let at = 0; at < bytes.length; ) {
          // A full buffer waits for one more byte: a content of exactly one frame is a small one.
          if (filled === limits.frameBytesMax) flush();
          const piece = bytes.subarray(at, at + limits.frameBytesMax - filled);
          this.#reserve(filled, filled + piece.length).set(piece, filled);
          filled += piece.length;
          at += piece.length;
        }
      },
      end: () => {
        close();
        if (frames.length === 0) return this.#putWhole(this.#buffer.subarray(0, filled));
        flush();
        const digest = hasher.digest();
        const known = this.#known(digest);
        if (known === undefined) {
          return this.#keep({ digest, sizeBytes: hasher.sizeBytes, crc64: hexOfCrc(crc), offset: start, frames });
        }
        this.#rollback(start);
        return known;
      },
      abort: () => {
        if (!live) return;
        close();
        this.#rollback(start);
      },
      leave: () => {
        if (!live) return;
        if (filled === limits.frameBytesMax) flush();
        close();
        this.#keepPieces(piecesOf(frames, crcs, start));
      },
    };
  }

  /** A pack lists nothing twice and has no gaps: pieces stay up to the first that is in it already. */
  #keepPieces(pieces: readonly PackedContent[]): void {
    for (const piece of pieces) {
      if (this.#contents.has(piece.digest)) return this.#rollback(piece.offset);
      this.#keep(piece);
    }
  }

  /** Takes over a content in frames that are made already, each of them proven. */
  openFrames(): FrameWriter {
    this.#expect("ready");
    this.#state = "open";
    const start = this.#offset;
    const framed = framedContent();
    const close = (): void => {
      if (this.#state !== "open") throw new Error("internal error: the frame writer has ended");
      this.#state = "ready";
    };
    const abort = (): void => {
      if (this.#state !== "open") return;
      close();
      this.#rollback(start);
    };
    return {
      write: (stored, rawBytes) => {
        framed.add(stored, rawBytes);
        this.#parts.output.append(stored);
        this.#offset += stored.length;
      },
      end: (digest) => {
        try {
          const content = framed.end(digest, start);
          close();
          const known = this.#known(digest);
          if (known === undefined) return this.#keep(content);
          this.#rollback(start);
          return known;
        } catch (error) {
          abort();
          throw error;
        }
      },
      abort,
      leave: () => {
        if (this.#state !== "open") return;
        close();
        this.#keepPieces(framed.pieces(start));
      },
    };
  }

  /** Takes over a content with its frames as they are, from another pack of the same compressor. */
  adopt(content: PackedContent, frames: Iterable<Uint8Array>): void {
    this.#expect("ready");
    if (this.#contents.has(content.digest)) return;
    const offset = this.#offset;
    for (const frame of frames) {
      this.#parts.output.append(frame);
      this.#offset += frame.length;
    }
    this.#keep({ ...content, offset });
  }

  /** Takes over a join from another pack; its pieces are known to be here. */
  adoptJoin(join: JoinedContent): void {
    this.#expect("ready");
    if (!this.#contents.has(join.digest)) this.#joins.set(join.digest, join);
  }

  /** How long the pack is so far, without its table. */
  /** How many contents and joins it has. */
  get count(): number {
    return this.#contents.size + this.#joins.size;
  }

  get sizeBytes(): number {
    return this.#offset;
  }

  commit(): void {
    this.#expect("ready");
    this.#state = "ended";
    try {
      const contents = [...this.#contents.values()];
      const joins = [...this.#joins.values()];
      if (contents.length + joins.length === 0) this.#parts.output.discard();
      else this.#parts.output.commit({ compressor: this.#parts.compressor.id, contents, joins });
    } finally {
      this.#parts.onEnd?.();
    }
  }

  abort(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    try {
      this.#parts.output.discard();
    } finally {
      this.#parts.onEnd?.();
    }
  }

  #putWhole(bytes: Uint8Array): ContentInfo {
    const digest = digestOf(bytes);
    return this.#known(digest) ?? this.#add(bytes, digest);
  }

  #add(bytes: Uint8Array, digest: Digest): ContentInfo {
    const offset = this.#offset;
    const frames: PackedFrame[] = [];
    for (let at = 0; at < bytes.length; at += limits.frameBytesMax) {
      const raw = bytes.subarray(at, at + limits.frameBytesMax);
      frames.push(this.#writeFrame(raw, raw.length === bytes.length ? digest : digestOf(raw)));
    }
    return this.#keep({ digest, sizeBytes: bytes.length, crc64: hexOfCrc(crc64(bytes)), offset, frames });
  }

  #writeFrame(raw: Uint8Array, digest: Digest): PackedFrame {
    const frame = this.#parts.compressor.compress(raw);
    this.#parts.output.append(frame);
    this.#offset += frame.length;
    return { digest, rawBytes: raw.length, storedBytes: frame.length, crc32: crc32(frame) };
  }

  #keep(content: PackedContent): ContentInfo {
    this.#contents.set(content.digest, content);
    // Nothing is in a table twice, and a join can do without what a piece cannot.
    this.#joins.delete(content.digest);
    return infoOf(content, this.#parts.compressor.id);
  }

  #known(digest: Digest): ContentInfo | undefined {
    if (digest === emptyDigest) return emptyInfo;
    const here = this.#contents.get(digest);
    if (here !== undefined) return infoOf(here, this.#parts.compressor.id);
    const join = this.#joins.get(digest);
    if (join === undefined) return this.#parts.find(digest);
    return joinedInfo(join, join.pieces.map((piece) => this.#known(piece) as ContentInfo));
  }

  #rollback(offset: number): void {
    this.#parts.output.rollback(offset);
    this.#offset = offset;
  }

  /** The buffer for the open content: grows to one frame and stays for the next content. */
  #reserve(filled: number, wanted: number): Buffer {
    if (this.#buffer.length >= wanted) return this.#buffer;
    const larger = Buffer.allocUnsafeSlow(Math.min(limits.frameBytesMax, Math.max(wanted, this.#buffer.length * 2)));
    this.#buffer.copy(larger, 0, 0, filled);
    this.#buffer = larger;
    return larger;
  }

  #expect(state: "ready" | "open"): void {
    if (this.#state !== state) throw new Error(`internal error: the pack writer is ${this.#state}, want ${state}`);
  }
}

function hexOfCrc(crc: Crc64 | undefined): string {
  return crc64Hex(crc ?? crc64(new Uint8Array()));
}
