// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, comparePaths, type Digest, type ImagePath, type Json } from "../base/index.ts";
import type { FileEntry } from "../formats/index.ts";
import { type LayerParts, type TarPiece, walkTar } from "./tar-walk.ts";

/** A layer's parts with what reads its contents. */
export interface LayerSide {
  readonly parts: LayerParts;
  readonly read: (digest: Digest) => Uint8Array;
}

/** Where two tars part: the entry, and the first byte of its payload or of the archive's header that differs. */
export interface Difference {
  readonly path: ImagePath | undefined;
  /** Counts bytes of the file's content where `inContent`, else of the tar. */
  readonly offset: number;
  readonly inContent: boolean;
  readonly what: string;
}

/** Finds the first difference of two layers, in the order of the tar; undefined where they are equal. */
export function firstDifference(a: LayerSide, b: LayerSide): Difference | undefined {
  const [left, right] = [walkTar(a.parts), walkTar(b.parts)];
  let offset = 0;
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done === true && y.done === true) return undefined;
    const found = comparePieces(x.value ?? undefined, y.value ?? undefined, { a, b, offset });
    if (found !== undefined) return found;
    offset += sizeOf(x.value as TarPiece);
  }
}

interface Sides {
  readonly a: LayerSide;
  readonly b: LayerSide;
  readonly offset: number;
}

function comparePieces(
  x: TarPiece | undefined,
  y: TarPiece | undefined,
  { a, b, offset }: Sides,
): Difference | undefined {
  if (x?.kind === "content" && y?.kind === "content") {
    return x.entry.content === y.entry.content ? undefined : contentDifference(x.entry, y.entry, a, b);
  }
  if (x !== undefined && y !== undefined && x.kind === y.kind) {
    const at = firstByte(bytesOf(x), bytesOf(y));
    if (at === undefined) return undefined;
    return { path: firstPath(x, y), offset: offset + at, inContent: false, what: describe(x, y) };
  }
  const path = (x === undefined ? undefined : pathOf(x)) ?? (y === undefined ? undefined : pathOf(y));
  return { path, offset, inContent: false, what: "one of the archives has an entry that the other has not" };
}

function contentDifference(x: FileEntry, y: FileEntry, a: LayerSide, b: LayerSide): Difference {
  const offset = firstByte(a.read(x.content), b.read(y.content)) ?? 0;
  return { path: x.path, offset, inContent: true, what: `the content is ${x.content} and ${y.content}` };
}

function describe(x: TarPiece, y: TarPiece): string {
  if (x.kind !== "header" || y.kind !== "header") return "the padding differs";
  return `the entry is ${canonicalJson(x.entry as unknown as Json)} and ${canonicalJson(y.entry as unknown as Json)}`;
}

function pathOf(piece: TarPiece): ImagePath | undefined {
  return piece.kind === "header" || piece.kind === "content" ? piece.entry.path : undefined;
}

/** Where the paths differ one side has an entry that the other has not: in the order of a tree it is the smaller. */
function firstPath(x: TarPiece, y: TarPiece): ImagePath | undefined {
  const [a, b] = [pathOf(x), pathOf(y)];
  if (a === undefined || b === undefined) return a ?? b;
  return comparePaths(a, b) <= 0 ? a : b;
}

function bytesOf(piece: TarPiece): Uint8Array {
  return piece.kind === "header" || piece.kind === "padding" ? piece.bytes : new Uint8Array();
}

function sizeOf(piece: TarPiece): number {
  return piece.kind === "content" ? piece.entry.sizeBytes : bytesOf(piece).length;
}

/** The index of the first byte that differs, the shorter length where one is the other's beginning. */
export function firstByte(a: Uint8Array, b: Uint8Array): number | undefined {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? undefined : length;
}
