// SPDX-License-Identifier: Apache-2.0
import type { DirEntry, Entry, FileEntry, Tree } from "../formats/index.ts";
import { encodeTarHeader, tarEnd, tarPadding } from "../formats/index.ts";

/** What a layer is made of: directories first, then one tree without directories for each block. */
export interface LayerParts {
  readonly directories: Tree;
  readonly blocks: readonly Tree[];
}

/** One piece of a layer's tar, in the order of the archive. */
export type TarPiece =
  /** The header blocks of an entry. */
  | { readonly kind: "header"; readonly bytes: Uint8Array; readonly entry: Entry }
  /** The payload of a file that is not empty lies here. */
  | { readonly kind: "content"; readonly entry: FileEntry }
  /** The zeros behind a payload, or those at the archive's end. */
  | { readonly kind: "padding"; readonly bytes: Uint8Array }
  /** A block is complete: what follows depends on nothing before it. */
  | { readonly kind: "blockEnd" };

/** Tells whether a file's content is here already. */
export type IsReady = (file: FileEntry) => boolean;

/** Yielded by what makes a layer's bytes in place of some, as long as the next content is not ready. */
export const waiting = new Uint8Array();

const blockEnd: TarPiece = { kind: "blockEnd" };

/** Walks the tar of a layer. The archive is a pure function of the parts. */
export function* walkTar(parts: LayerParts): Generator<TarPiece, void, void> {
  if (parts.directories.length > 0) yield* walkBlock(parts.directories);
  for (const block of parts.blocks) if (block.length > 0) yield* walkBlock(block);
  yield { kind: "padding", bytes: tarEnd };
  yield blockEnd;
}

function* walkBlock(block: Tree): Generator<TarPiece, void, void> {
  for (const entry of block) {
    yield { kind: "header", bytes: encodeTarHeader(entry), entry };
    if (entry.type !== "file" || entry.sizeBytes === 0) continue;
    yield { kind: "content", entry };
    const padding = tarPadding(entry.sizeBytes);
    if (padding.length > 0) yield { kind: "padding", bytes: padding };
  }
  yield blockEnd;
}

/** Splits a tree into its directories and everything else. */
export function splitDirectories(tree: Tree): { readonly directories: Tree; readonly rest: Tree } {
  const directories: DirEntry[] = [];
  const rest: Entry[] = [];
  for (const entry of tree) {
    if (entry.type === "dir") directories.push(entry);
    else rest.push(entry);
  }
  return { directories, rest };
}
