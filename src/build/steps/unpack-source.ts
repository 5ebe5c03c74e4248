// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";

import { AshlarError, type Digest, isAshlarError, limits } from "../../base/index.ts";
import {
  type Compression,
  decompress,
  detectCompression,
  type TarEntry,
  TarParser,
  type TarVisitor,
  type Tree,
} from "../../formats/index.ts";
import type { Action, ContentWriter, PackWriter, Store } from "../../store/index.ts";
import { fileChunks } from "./put-file.ts";
import { SourceEntries } from "./source-entries.ts";

/** A source archive: what the spec says of it, and where its verified file lies. */
export interface SourceArchive {
  /** For messages: the last part of its address. */
  readonly name: string;
  readonly digest: Digest;
  readonly path: string;
}

/** The name of the step "unpack this source"; its remembered value is the digest of the tree. */
export function sourceAction(digest: Digest): Action {
  return { operation: "source.unpack", version: 1, inputs: [digest] };
}

/**
 * Unpacks a source archive (tar; plain, gzip, xz or zstd) to a tree in the store and remembers it: owners
 * and times dropped, modes 0755 or 0644, the one directory that everything lies in left out. Throws
 * `BUILD_SOURCE_FORMAT` for other formats, `BUILD_SOURCE_INVALID` for an archive that is damaged or hostile.
 */
export async function unpackSource(store: Store, archive: SourceArchive): Promise<Digest> {
  const known = store.getAction(sourceAction(archive.digest));
  if (known !== undefined) return known.value as Digest;
  const pack = store.beginPack();
  try {
    const sizeBytes = statSync(archive.path).size;
    const tree = store.putTree(
      await readSource(fileChunks(archive.path), sizeBytes, { pack, ...archive }),
      pack,
    );
    pack.commit();
    store.putAction(sourceAction(archive.digest), { value: tree, reaches: { trees: [tree] } });
    return tree;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

/** The tree of an archive that comes in chunks; its contents go into `pack`. */
export async function readSource(
  chunks: Iterator<Uint8Array, void, void>,
  sizeBytes: number,
  { pack, name }: { readonly pack: PackWriter; readonly name: string },
): Promise<Tree> {
  const first = chunks.next();
  const head: Uint8Array = first.done === true ? new Uint8Array() : first.value;
  const compression = compressionOf(head, name);
  const visitor = new SourceVisitor(pack);
  const parser = new TarParser(visitor);
  const maxBytes = Math.max(limits.ratioFreeBytes, sizeBytes * limits.expansionRatioMax);
  try {
    for await (const bytes of decompress(compression, resumed(head, chunks), {
      maxBytes,
      what: `source "${name}"`,
    }))
      parser.push(bytes);
    parser.finish();
    return visitor.entries.finish();
  } catch (error) {
    visitor.abort();
    if (!isAshlarError(error)) throw error;
    const message = `Cannot unpack source "${name}": ${error.message}`;
    throw new AshlarError("BUILD_SOURCE_INVALID", message, { because: error.because, cause: error });
  }
}

function* resumed(
  head: Uint8Array,
  rest: Iterator<Uint8Array, void, void>,
): Generator<Uint8Array, void, void> {
  yield head;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

/** Formats that people will try, by their first bytes, with the Debian package that opens them. */
const foreign: readonly (readonly [magic: string, name: string, tool: string])[] = [
  ["PK\u0003\u0004", "zip archive", "unzip"],
  ["BZh", "bzip2 archive", "bzip2"],
  ["LZIP", "lzip archive", "lzip"],
  ["7z\u00bc\u00af", "7z archive", "p7zip-full"],
  ["!<arch>\n", "ar archive", "binutils"],
];

function compressionOf(head: Uint8Array, name: string): Compression {
  const start = Buffer.from(head.subarray(0, 16)).toString("latin1");
  const [, what, tool] = foreign.find(([magic]) => start.startsWith(magic)) ?? [];
  if (what === undefined) return detectCompression(head);
  const message = `Cannot unpack source "${name}": it is a ${what}, want a tar, plain or by gzip, xz or zstd`;
  throw new AshlarError("BUILD_SOURCE_FORMAT", message, {
    hint: `write unpack: false, add ${tool} to tools, and unpack "$SRC/${name}" in the step itself`,
  });
}

/** Files above one frame are not held in memory. */
class SourceVisitor implements TarVisitor {
  readonly entries = new SourceEntries();
  readonly #pack: PackWriter;
  #file: TarEntry | undefined;
  #writer: ContentWriter | undefined;
  #pieces: Uint8Array[] = [];

  constructor(pack: PackWriter) {
    this.#pack = pack;
  }

  entry(entry: TarEntry): void {
    if (entry.type !== "file") return this.entries.add(entry);
    this.#file = entry;
    if (entry.sizeBytes > limits.frameBytesMax) this.#writer = this.#pack.open();
  }

  data(bytes: Uint8Array): void {
    if (this.#writer !== undefined) this.#writer.write(bytes);
    else this.#pieces.push(Uint8Array.from(bytes));
  }

  endEntry(): void {
    const file = this.#file;
    if (file === undefined) return;
    const { digest, sizeBytes } = this.#writer?.end() ?? this.#pack.put(Buffer.concat(this.#pieces));
    this.#file = undefined;
    this.#writer = undefined;
    this.#pieces = [];
    this.entries.addFile(file, { content: digest, sizeBytes });
  }

  abort(): void {
    this.#writer?.abort();
    this.#writer = undefined;
  }
}
