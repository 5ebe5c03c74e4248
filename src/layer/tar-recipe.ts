// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, digestBytes, digestFromBytes, Hasher } from "../base/index.ts";

/** A stretch of a tar: bytes as they are (headers, padding), or the payload of a file. */
export type TarPart =
  | { readonly raw: Uint8Array; readonly content?: undefined }
  | { readonly content: Digest; readonly raw?: undefined };

const magic = Buffer.from("ASHLTAR\u0001", "latin1");
const [rawMark, contentMark] = [0, 1];

/**
 * Writes how a tar is made again from contents: the magic, then for each part a mark and, for raw bytes (0), their
 * length as u32, little-endian, and the bytes; for a content (1) the 32 bytes of its digest. Hands pieces to `take`.
 * (docs/formats/layer.md)
 */
export class RecipeWriter {
  readonly #take: (bytes: Uint8Array) => void;

  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
    take(magic);
  }

  raw(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const head = Buffer.alloc(5);
    head[0] = rawMark as number;
    head.writeUInt32LE(bytes.length, 1);
    this.#take(head);
    this.#take(bytes);
  }

  content(digest: Digest): void {
    this.#take(Buffer.concat([Buffer.from([contentMark as number]), digestBytes(digest)]));
  }
}

/**
 * Reads a recipe part by part out of pieces of any size; never more than one of them is in memory. A stretch of raw
 * bytes may come in several parts. Throws `LAYER_RECIPE_INVALID` and what the pieces throw.
 */
export function* parseRecipe(pieces: Iterable<Uint8Array>): Generator<TarPart, void, void> {
  const reader = new PieceReader(pieces);
  if (!reader.take(magic.length).equals(magic)) throw invalid("it does not begin as one");
  while (!reader.atEnd()) {
    const mark = reader.take(1)[0];
    if (mark === contentMark) yield { content: digestFromBytes(reader.take(32)) };
    else if (mark !== rawMark) throw invalid(`a part is marked ${mark}`);
    else for (let left = reader.take(4).readUInt32LE(0); left > 0; ) {
      const raw = reader.some(left);
      left -= raw.length;
      yield { raw };
    }
  }
}

class PieceReader {
  readonly #pieces: Iterator<Uint8Array>;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  take(length: number): Buffer {
    while (this.#bytes.length < length) if (!this.#more()) throw invalid("it ends early");
    return this.#cut(length);
  }

  /** At most so many bytes, at least one. */
  some(length: number): Buffer {
    if (this.atEnd()) throw invalid("it ends early");
    return this.#cut(Math.min(length, this.#bytes.length));
  }

  atEnd(): boolean {
    while (this.#bytes.length === 0) if (!this.#more()) return true;
    return false;
  }

  #cut(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  #more(): boolean {
    const next = this.#pieces.next();
    if (next.done === true) return false;
    const { buffer, byteOffset, length } = next.value;
    const piece = Buffer.from(buffer, byteOffset, length);
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
    return true;
  }
}

function invalid(fault: string): AshlarError {
  return new AshlarError("LAYER_RECIPE_INVALID", `Cannot read tar recipe: ${fault}`, {
    hint: "run `ashlar store fsck`, then pull the image again",
  });
}

/** Yields the tar of a recipe in pieces, and returns its digest (the diffId) and size. */
export function* writeRecipe(
  parts: Iterable<TarPart>,
  stream: (content: Digest) => Iterable<Uint8Array>,
): Generator<Uint8Array, { readonly diffId: Digest; readonly sizeBytes: number }, void> {
  const hasher = new Hasher();
  for (const { raw, content } of parts) {
    for (const bytes of content === undefined ? [raw as Uint8Array] : stream(content)) {
      hasher.update(bytes);
      yield bytes;
    }
  }
  const { sizeBytes } = hasher;
  return { diffId: hasher.digest(), sizeBytes };
}
