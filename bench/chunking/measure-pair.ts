// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

import { type Digest, digestOf } from "../../src/base/index.ts";
import type { Compressor } from "../../src/formats/index.ts";
import { planRanges, type Range } from "../metadata/ranges.ts";
import type { Cutter } from "./fast-cdc.ts";
import type { PackagedFile, PackagePair } from "./read-package.ts";

/** Files from this size on are cut. */
export const largeBytesMin = 1 << 20;
const requestCountMax = 24;

/** A way to cut large files, and whether the client finds pieces in the files that it has. */
export interface ChunkForm {
  readonly name: string;
  readonly cut: Cutter;
  readonly reuses: boolean;
}

/** What one form costs for one package; sizes are compressed, where nothing else is said. */
export interface FormCost {
  readonly updateBytes: number;
  /** With gaps up to 2 KiB only, in as many requests as it takes. */
  readonly exactBytes: number;
  readonly requests: number;
  readonly firstBytes: number;
  /** Of large files that changed, uncompressed. */
  readonly changedRawBytes: number;
  readonly reusedRawBytes: number;
  /** Of pieces that the old version has not, and that are in the update twice: they are fetched once. */
  readonly twinBytes: number;
  /** Pieces of all large files, and what their lines add to the table of contents. */
  readonly pieces: number;
  readonly linesBytes: number;
  readonly largeRawBytes: number;
  /** Compressed bytes of all large files. */
  readonly largeBytes: number;
}

interface Piece {
  readonly digest: Digest;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

/** Contents of the new version in the order of a layer; small ones as one piece. */
interface StoredFile {
  readonly file: PackagedFile;
  readonly isHere: boolean;
  readonly pieces: readonly Piece[];
}

/** Measures one update of a package in each form. */
export function measurePair(pair: PackagePair, forms: readonly ChunkForm[], compressor: Compressor): FormCost[] {
  const here = new Set(pair.old.map(({ content }) => content));
  const smallBytes = new Map<Digest, number>();
  for (const file of pair.new.filter(isSmall)) {
    smallBytes.set(file.content, compressor.compress(readFileSync(file.place)).length);
  }
  return forms.map((form) => {
    const stored = pair.new.map((file): StoredFile => {
      const isHere = here.has(file.content);
      const size = smallBytes.get(file.content);
      if (size === undefined) return { file, isHere, pieces: cutFile(file, form.cut, compressor) };
      return { file, isHere, pieces: [{ digest: file.content, rawBytes: file.sizeBytes, storedBytes: size }] };
    });
    return costOf(stored, form.reuses ? heldPieces(pair.old, form.cut) : new Set(), compressor);
  });
}

export function isSmall({ sizeBytes }: PackagedFile): boolean {
  return sizeBytes < largeBytesMin;
}

function cutFile(file: PackagedFile, cut: Cutter, compressor: Compressor): Piece[] {
  return [...piecesOf(file, cut)].map((raw) => ({
    digest: digestOf(raw),
    rawBytes: raw.length,
    storedBytes: compressor.compress(raw).length,
  }));
}

function* piecesOf(file: PackagedFile, cut: Cutter): Generator<Uint8Array> {
  const bytes = readFileSync(file.place);
  let start = 0;
  for (const end of cut(bytes)) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

function heldPieces(files: readonly PackagedFile[], cut: Cutter): Set<Digest> {
  const held = new Set<Digest>();
  for (const file of files) {
    if (isSmall(file)) continue;
    for (const raw of piecesOf(file, cut)) held.add(digestOf(raw));
  }
  return held;
}

function costOf(stored: readonly StoredFile[], held: ReadonlySet<Digest>, compressor: Compressor): FormCost {
  const ranges: Range[] = [];
  const taken = new Set(held);
  let [offset, changedRawBytes, reusedRawBytes, twinBytes] = [0, 0, 0, 0];
  for (const { file, isHere, pieces } of stored) {
    const isLarge = !isSmall(file);
    if (isLarge && !isHere) changedRawBytes += file.sizeBytes;
    for (const { digest, rawBytes, storedBytes } of pieces) {
      const isMissing = !isHere && !taken.has(digest);
      if (isMissing) ranges.push({ start: offset, end: offset + storedBytes });
      else if (held.has(digest)) reusedRawBytes += isHere ? 0 : rawBytes;
      else if (!isHere) twinBytes += storedBytes;
      if (isMissing) taken.add(digest);
      offset += storedBytes;
    }
  }
  const large = stored.filter(({ file }) => !isSmall(file));
  const lines = (files: readonly StoredFile[]): number => linesBytes(files, compressor);
  const changedLines = lines(large.filter(({ isHere }) => !isHere));
  const { bytes, requests } = planRanges([joined(ranges)], requestCountMax);
  const exactBytes = planRanges([joined(ranges)], Infinity).bytes;
  return {
    updateBytes: bytes + changedLines,
    exactBytes: exactBytes + changedLines,
    requests,
    firstBytes: offset + lines(large),
    changedRawBytes,
    reusedRawBytes,
    twinBytes,
    pieces: large.reduce((sum, { pieces }) => sum + pieces.length, 0),
    linesBytes: lines(large),
    largeRawBytes: large.reduce((sum, { file }) => sum + file.sizeBytes, 0),
    largeBytes: large.flatMap(({ pieces }) => pieces).reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  };
}

/** Ranges that touch are one. */
function joined(ranges: readonly Range[]): Range[] {
  const long: Range[] = [];
  for (const range of ranges) {
    const before = long.at(-1);
    if (before?.end === range.start) long[long.length - 1] = { start: before.start, end: range.end };
    else long.push(range);
  }
  return long;
}

/** What the pieces of files with several add to a table of contents, compressed. */
function linesBytes(files: readonly StoredFile[], compressor: Compressor): number {
  const lines: string[] = [];
  let offset = 0;
  for (const { file, pieces } of files) {
    let chunkOffset = 0;
    for (const { digest: chunkDigest, rawBytes: chunkSize, storedBytes } of pieces) {
      const line = { type: "chunk", name: file.path, offset, chunkSize, chunkOffset, chunkDigest };
      if (pieces.length > 1) lines.push(JSON.stringify(line));
      offset += storedBytes;
      chunkOffset += chunkSize;
    }
  }
  return lines.length === 0 ? 0 : compressor.compress(Buffer.from(lines.join(",\n"))).length;
}
