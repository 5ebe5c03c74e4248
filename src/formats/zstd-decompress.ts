// SPDX-License-Identifier: Apache-2.0
import { constants, createZstdDecompress, zstdDecompressSync } from "node:zlib";

import { type DecompressOptions, Expansion } from "./expansion.ts";
import { ZlibStream } from "./zlib-stream.ts";
import { type FramePiece, ZstdSplitter } from "./zstd-scan.ts";

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A frame that says to be no larger is decompressed in one call. */
const oneShotBytesMax = 4 << 20;
/** The output buffer grows in steps of at most this, so that a lie about the size costs no memory. */
const chunkBytesMax = 8 << 20;
const params = { [constants.ZSTD_d_windowLogMax]: 27 };

/** Decompresses zstd frames back to back. Errors as `decompress`. */
export function unzstdSync(bytes: Uint8Array, options: DecompressOptions): Uint8Array {
  const expansion = new Expansion(options);
  const splitter = new ZstdSplitter(expansion);
  const pieces = splitter.push(bytes);
  splitter.finish();
  const out: Uint8Array[] = [];
  let frame: Uint8Array[] = [];
  for (const piece of pieces) {
    frame.push(piece.bytes);
    if (!piece.last) continue;
    out.push(wholeFrame(frame, piece.contentBytes, expansion, options.maxBytes));
    frame = [];
  }
  return out.length === 1 ? (out[0] as Uint8Array) : Buffer.concat(out);
}

function wholeFrame(
  pieces: readonly Uint8Array[],
  contentBytes: number | undefined,
  expansion: Expansion,
  maxBytes: number,
): Uint8Array {
  const left = maxBytes - expansion.outBytes;
  if (contentBytes !== undefined) expansion.addOut(contentBytes);
  const room = contentBytes ?? left;
  let out: Buffer;
  try {
    out = zstdDecompressSync(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces), {
      params,
      maxOutputLength: room + 1,
      ...(contentBytes === undefined ? {} : { chunkSize: Math.min(chunkBytesMax, Math.max(64, contentBytes + 1)) }),
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") expansion.addOut(left + 1);
    throw expansion.wrap(cause);
  }
  if (contentBytes === undefined) expansion.addOut(out.length);
  else if (out.length !== contentBytes)
    throw expansion.error("INVALID", `a frame has ${out.length} bytes, it says ${contentBytes}`);
  return out;
}

/** Decompresses zstd frames back to back, piece by piece in bounded memory. Errors as `decompress`. */
export async function* unzstd(chunks: Chunks, options: DecompressOptions): AsyncGenerator<Uint8Array> {
  const expansion = new Expansion(options);
  const splitter = new ZstdSplitter(expansion);
  const frames = new Frames(expansion, options.maxBytes);
  try {
    for await (const chunk of chunks) for (const piece of splitter.push(chunk)) yield* frames.push(piece);
    splitter.finish();
  } finally {
    frames.close();
  }
}

/** Small frames whole, large ones through a stream each. */
class Frames {
  readonly #expansion: Expansion;
  readonly #maxBytes: number;
  #small: Uint8Array[] = [];
  #smallBytes = 0;
  #large: ZlibStream | undefined;

  constructor(expansion: Expansion, maxBytes: number) {
    this.#expansion = expansion;
    this.#maxBytes = maxBytes;
  }

  async *push(piece: FramePiece): AsyncGenerator<Uint8Array> {
    if (piece.contentBytes === undefined || piece.contentBytes > oneShotBytesMax) return yield* this.#pushLarge(piece);
    this.#small.push(piece.bytes);
    this.#smallBytes += piece.bytes.length;
    // Even blocks of one byte each are within this.
    if (this.#smallBytes > 4 * piece.contentBytes + (64 << 10)) {
      throw this.#expansion.error("INVALID", `a frame is longer than its ${piece.contentBytes} bytes of content allow`);
    }
    if (!piece.last) return;
    yield wholeFrame(this.#small, piece.contentBytes, this.#expansion, this.#maxBytes);
    this.#small = [];
    this.#smallBytes = 0;
  }

  async *#pushLarge(piece: FramePiece): AsyncGenerator<Uint8Array> {
    this.#large ??= new ZlibStream(createZstdDecompress({ params, chunkSize: 128 * 1024 }));
    yield* this.#counted(await this.#attempt(this.#large.push(piece.bytes)));
    if (!piece.last) return;
    yield* this.#counted(await this.#attempt(this.#large.finish()));
    this.#large = undefined;
  }

  async #attempt(work: Promise<readonly Uint8Array[]>): Promise<readonly Uint8Array[]> {
    try {
      return await work;
    } catch (cause) {
      throw this.#expansion.wrap(cause);
    }
  }

  *#counted(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const bytes of pieces) {
      this.#expansion.addOut(bytes.length);
      yield bytes;
    }
  }

  close(): void {
    this.#large?.close();
  }
}
