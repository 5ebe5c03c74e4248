// SPDX-License-Identifier: Apache-2.0
import { type Digest, limits } from "../base/index.ts";
import type { TarEntry, TarVisitor } from "../formats/index.ts";
import { LayerTarParser, RecipeWriter } from "../layer/index.ts";
import type { ContentInfo, PackWriter } from "../store/index.ts";

/**
 * Takes a tar apart while it streams by: the files go into `files`, everything else into a recipe, a content of the
 * pack `recipes`. Returns its digest. Nothing is proven of the whole before the stream's end. Throws `FORMATS_TAR_*`
 * and what the stream throws.
 */
export async function takeTar(
  tar: AsyncIterable<Uint8Array>,
  { files, recipes }: { readonly files: PackWriter; readonly recipes: PackWriter },
): Promise<Digest> {
  const recipe = recipes.open();
  const taker = new TarTaker(files, new RecipeWriter((bytes) => recipe.write(bytes)));
  const parser = new LayerTarParser(taker);
  for await (const bytes of tar) {
    taker.begin(bytes);
    parser.push(bytes);
    taker.rest();
  }
  parser.finish();
  return recipe.end().digest;
}

/** Tells payloads from everything between them: a payload's pieces are parts of the bytes that were pushed. */
class TarTaker implements TarVisitor {
  readonly #files: PackWriter;
  readonly #recipe: RecipeWriter;
  #bytes: Uint8Array = new Uint8Array();
  #taken = 0;
  #file: OpenFile | undefined;

  constructor(files: PackWriter, recipe: RecipeWriter) {
    this.#files = files;
    this.#recipe = recipe;
  }

  begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#taken = 0;
  }

  /** What is left of the bytes is no payload. */
  rest(): void {
    this.#rawUntil(this.#bytes.length);
  }

  #rawUntil(end: number): void {
    this.#recipe.raw(this.#bytes.subarray(this.#taken, end));
    this.#taken = end;
  }

  entry(entry: TarEntry): void {
    if (entry.type === "file" && entry.sizeBytes > 0) this.#file = openFile(this.#files, entry.sizeBytes);
  }

  data(piece: Uint8Array): void {
    const at = piece.byteOffset - this.#bytes.byteOffset;
    this.#rawUntil(at);
    this.#taken = at + piece.length;
    this.#file?.write(piece);
  }

  endEntry(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    this.#recipe.content(file.end().digest);
  }
}

interface OpenFile {
  write(bytes: Uint8Array): void;
  end(): ContentInfo;
}

/** Small files are gathered, large ones go into the pack piece by piece. */
function openFile(pack: PackWriter, sizeBytes: number): OpenFile {
  if (sizeBytes > limits.frameBytesMax) return pack.open();
  const pieces: Uint8Array[] = [];
  return { write: (bytes) => void pieces.push(Uint8Array.from(bytes)), end: () => pack.put(Buffer.concat(pieces)) };
}
