// SPDX-License-Identifier: Apache-2.0
import type { DirEntry, Entry, FileEntry, Tree } from "../formats/index.ts";
import { encodeTarHeader, tarEnd, tarPadding } from "../formats/index.ts";

/** Receives a layer's tar from front to back, in the order of the archive. */
export interface TarVisitor {
  /** The header blocks of an entry. */
  header(bytes: Uint8Array, entry: Entry): void;
  /** The payload of a file that is not empty lies here. */
  content(entry: FileEntry): void;
  /** The zeros behind a payload, or those at the archive's end. */
  padding(bytes: Uint8Array): void;
  /** A block is complete: what follows depends on nothing before it. */
  blockEnd(): void;
}

/** What a layer is made of: directories first, then one tree without directories for each block. */
export interface LayerParts {
  readonly directories: Tree;
  readonly blocks: readonly Tree[];
}

/** Walks the tar of a layer. The archive is a pure function of the parts. */
export function walkTar(parts: LayerParts, visitor: TarVisitor): void {
  if (parts.directories.length > 0) {
    for (const entry of parts.directories) visitor.header(encodeTarHeader(entry), entry);
    visitor.blockEnd();
  }
  for (const block of parts.blocks) walkBlock(block, visitor);
  visitor.padding(tarEnd);
  visitor.blockEnd();
}

function walkBlock(block: Tree, visitor: TarVisitor): void {
  if (block.length === 0) return;
  for (const entry of block) {
    visitor.header(encodeTarHeader(entry), entry);
    if (entry.type === "file" && entry.sizeBytes > 0) {
      visitor.content(entry);
      const padding = tarPadding(entry.sizeBytes);
      if (padding.length > 0) visitor.padding(padding);
    }
  }
  visitor.blockEnd();
}

/** Splits a tree into its directories and everything else. */
export function splitDirectories(tree: Tree): { readonly directories: readonly DirEntry[]; readonly rest: Tree } {
  const directories: DirEntry[] = [];
  const rest: Entry[] = [];
  for (const entry of tree) {
    if (entry.type === "dir") directories.push(entry);
    else rest.push(entry);
  }
  return { directories, rest };
}
