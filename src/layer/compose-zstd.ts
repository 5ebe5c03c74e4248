// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, Hasher, limits } from "../base/index.ts";
import { type Compressor, type Entry, type FileEntry, plainFrame, skippableFrame } from "../formats/index.ts";
import { annotationKeys } from "../oci/index.ts";
import type { ContentInfo, FrameInfo } from "../store/index.ts";
import type { ContentSource } from "./content-source.ts";
import { encodeLayerIndex } from "./layer-index.ts";
import { claimedId } from "./plan.ts";
import { TarSplitWriter } from "./tar-split.ts";
import { type IsReady, type LayerParts, type TarPiece, waiting, walkTar } from "./tar-walk.ts";
import { TocWriter } from "./toc.ts";

/** A layer blob as it was written. */
export interface ComposedBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly annotations: Readonly<Record<string, string>>;
  /** Frames that were said to be ours were compressed again, and are: from now on they need not be doubted. */
  readonly hasTrueClaims?: true;
}

export interface ComposeOptions {
  readonly source: ContentSource;
  readonly compressor: Compressor;
  /** Append the table of contents (zstd:chunked); without it the blob is plain tar+zstd of the same frames. */
  readonly chunked: boolean;
  /** Take frames that are said to be ours for what they are said to be. Without it they are compressed again. */
  readonly claims?: boolean;
  /** Contents may be missing: where the next one is not ready, `waiting` is yielded until it is. */
  readonly isReady?: IsReady | undefined;
}

/** Header bytes up to this length go into a frame of raw and run-length blocks, longer ones are compressed. */
const plainFrameBytesMax = 1024;
const magic = 0x78556e496c554e47n; // "GNUlInUx"
/** The eight bytes of a skippable frame's own header. */
const skippableHeaderBytes = 8;

/**
 * Composes a layer blob out of frames: a frame for the headers between two payloads, and each payload's
 * frames as the store holds them. Yields the blob in pieces, each valid until the next is asked for, and
 * returns what it is. (docs/formats/layer.md)
 */
export function* composeZstd(
  parts: LayerParts,
  options: ComposeOptions,
): Generator<Uint8Array, ComposedBlob, void> {
  const composer = new Composer(options, contentsOf(parts, options.source));
  for (const piece of walkTar(parts)) yield* composer.take(piece);
  yield* composer.tables();
  return composer.finish();
}

function contentsOf(parts: LayerParts, source: ContentSource): Map<Digest, ContentInfo> {
  const digests = new Set<Digest>();
  for (const block of parts.blocks) {
    for (const entry of block) if (entry.type === "file" && entry.sizeBytes > 0) digests.add(entry.content);
  }
  return source.infos(digests);
}

class Composer {
  readonly #options: ComposeOptions;
  readonly #infos: Map<Digest, ContentInfo>;
  readonly #hasher = new Hasher();
  readonly #toc: TocWriter;
  readonly #tarSplitFrames: Uint8Array[] = [];
  readonly #tarSplit: TarSplitWriter;
  #pending: Uint8Array[] = [];
  #annotations: Record<string, string> = {};
  #trueClaims = 0;
  #falseClaims = 0;

  constructor(options: ComposeOptions, infos: Map<Digest, ContentInfo>) {
    this.#options = options;
    this.#infos = infos;
    this.#toc = new TocWriter(options.compressor);
    this.#tarSplit = new TarSplitWriter((text) =>
      this.#tarSplitFrames.push(options.compressor.compress(text)),
    );
  }

  /** Takes the next piece of the tar; yields what can be written now. */
  *take(piece: TarPiece): Generator<Uint8Array, void, void> {
    switch (piece.kind) {
      case "header":
        this.#header(piece.bytes, piece.entry);
        return;
      case "content":
        while (this.#options.isReady?.(piece.entry) === false) yield waiting;
        yield* this.#content(piece.entry);
        return;
      case "padding":
        this.#pending.push(piece.bytes);
        if (this.#options.chunked) this.#tarSplit.raw(piece.bytes);
        return;
      case "blockEnd":
        if (this.#options.chunked) this.#toc.endPart();
        if (this.#pending.length > 0) yield this.#written(this.#headerFrame());
    }
  }

  #header(bytes: Uint8Array, entry: Entry): void {
    this.#pending.push(bytes);
    if (!this.#options.chunked) return;
    this.#toc.entry(entry);
    this.#tarSplit.raw(bytes);
    if (entry.type !== "file" || entry.sizeBytes === 0) this.#tarSplit.entry(entry);
  }

  *#content(entry: FileEntry): Generator<Uint8Array, void, void> {
    const info = this.#infos.get(entry.content) ?? this.#options.source.infos([entry.content]).get(entry.content);
    if (info === undefined || info.sizeBytes !== entry.sizeBytes) {
      throw new Error(`internal error: content ${entry.content} of /${entry.path} is not in the store`);
    }
    yield this.#written(this.#headerFrame());
    const start = this.#hasher.sizeBytes;
    const frames = yield* this.#frames(entry, info);
    if (!this.#options.chunked) return;
    this.#toc.frames(entry.content, frames, start);
    this.#tarSplit.entry(entry, info.crc64);
  }

  /** Frames that another compressor made would give the layer another digest: the content is compressed anew. */
  *#frames(entry: FileEntry, info: ContentInfo): Generator<Uint8Array, readonly FrameInfo[], void> {
    const { source, compressor, claims } = this.#options;
    const isClaimed = info.compressor === claimedId();
    if (info.compressor === compressor.id || (isClaimed && claims === true)) {
      for (const frame of source.streamFrames(entry.content)) yield this.#written(frame);
      return info.frames;
    }
    const frames: FrameInfo[] = [];
    const doubted = isClaimed ? new Hasher() : undefined;
    for (const piece of recut(source.stream(entry.content), entry.sizeBytes)) {
      const digest = digestOf(piece);
      const frame = compressor.compress(piece);
      frames.push({ digest, rawBytes: piece.length, storedBytes: frame.length });
      doubted?.update(frame);
      yield this.#written(frame);
    }
    if (doubted !== undefined) this.#judge(entry.content, doubted.digest());
    return frames;
  }

  #judge(content: Digest, made: Digest): void {
    const claimed = new Hasher();
    for (const frame of this.#options.source.streamFrames(content)) claimed.update(frame);
    if (claimed.digest() === made) this.#trueClaims++;
    else this.#falseClaims++;
  }

  #headerFrame(): Uint8Array {
    const bytes =
      this.#pending.length === 1 ? (this.#pending[0] as Uint8Array) : Buffer.concat(this.#pending);
    this.#pending = [];
    return bytes.length <= plainFrameBytesMax ? plainFrame(bytes) : this.#options.compressor.compress(bytes);
  }

  #written(bytes: Uint8Array): Uint8Array {
    this.#hasher.update(bytes);
    return bytes;
  }

  /** What follows the data of a zstd:chunked layer: table of contents, tar-split and footer. */
  *tables(): Generator<Uint8Array, void, void> {
    if (!this.#options.chunked) return;
    this.#tarSplit.finish();
    const tarSplit = Buffer.concat(this.#tarSplitFrames);
    const toc = this.#toc.finish(digestOf(tarSplit));
    const tocAt = this.#hasher.sizeBytes + skippableHeaderBytes;
    const tarSplitAt = tocAt + toc.stored.length + skippableHeaderBytes;
    const tarSplitSizes = [tarSplitAt, tarSplit.length, this.#tarSplit.sizeBytes];
    this.#annotations = {
      [annotationKeys.layerIndex]: encodeLayerIndex(toc.index),
      [annotationKeys.chunkedChecksum]: digestOf(toc.stored),
      [annotationKeys.chunkedPosition]: `${tocAt}:${toc.stored.length}:${toc.rawBytes}:1`,
      [annotationKeys.chunkedTarSplitPosition]: tarSplitSizes.join(":"),
    };
    yield this.#written(skippableFrame(toc.stored));
    yield this.#written(skippableFrame(tarSplit));
    yield this.#written(skippableFrame(footer([tocAt, toc.stored.length, toc.rawBytes, 1, ...tarSplitSizes])));
  }

  finish(): ComposedBlob {
    const { sizeBytes } = this.#hasher;
    const blob = { digest: this.#hasher.digest(), sizeBytes, annotations: this.#annotations };
    return this.#trueClaims > 0 && this.#falseClaims === 0 ? { ...blob, hasTrueClaims: true } : blob;
  }
}

/** The same bytes in pieces of a frame's size, each valid until the next is asked for; `sizeBytes` of them in all. */
function* recut(pieces: Iterable<Uint8Array>, sizeBytes: number): Generator<Uint8Array, void, void> {
  const buffer = Buffer.allocUnsafe(Math.min(sizeBytes, limits.frameBytesMax));
  let filled = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < buffer.length) continue;
      yield buffer;
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** The 64 bytes at the end: seven numbers and the magic, little-endian. */
function footer(numbers: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(64);
  numbers.forEach((number, i) => bytes.writeBigUInt64LE(BigInt(number), i * 8));
  bytes.writeBigUInt64LE(magic, 56);
  return bytes;
}
