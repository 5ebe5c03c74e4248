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

/** Reads a recipe part by part; linear in the input. Throws `LAYER_RECIPE_INVALID`. */
export function* parseRecipe(bytes: Uint8Array): Generator<TarPart, void, void> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const take = (at: number, length: number): Buffer => {
    if (at + length > view.length) throw invalid("it ends early");
    return view.subarray(at, at + length);
  };
  if (!take(0, magic.length).equals(magic)) throw invalid("it does not begin as one");
  for (let at = magic.length; at < view.length; ) {
    const mark = view[at++];
    if (mark === contentMark) {
      yield { content: digestFromBytes(take(at, 32)) };
      at += 32;
    } else if (mark === rawMark) {
      const length = take(at, 4).readUInt32LE(0);
      yield { raw: take(at + 4, length) };
      at += 4 + length;
    } else throw invalid(`a part is marked ${mark}`);
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
