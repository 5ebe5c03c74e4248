// SPDX-License-Identifier: Apache-2.0
import { AshlarError, digestOf } from "../base/index.ts";
import { decompressSync, TarSplitParser } from "../formats/index.ts";
import { parseToc, RecipeWriter, type Toc, tocBytesMax, type TocEntry } from "../layer/index.ts";
import { annotationKeys } from "../oci/index.ts";
import { inPack } from "../store/index.ts";
import type { FilesWay, LayerFile, WantedLayer } from "./layer-way.ts";
import { proveTar, tarPlan } from "./prove-tar.ts";
import { readRange } from "./read-range.ts";

const sectionGapBytesMax = 64 << 10;

/** Where a section of a zstd:chunked blob lies. */
interface Section {
  readonly offset: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
}

/**
 * The way of a zstd:chunked layer of any writer: its table of contents says where each file lies, tar-split how the
 * tar is made of them. Undefined where the layer has no such tables. Throws `PULL_SECTION`, `LAYER_TOC_INVALID`,
 * `FORMATS_*`, `OCI_RANGE_UNSUPPORTED`: then the layer must be had whole.
 */
export async function openChunkedWay(wanted: WantedLayer): Promise<FilesWay | undefined> {
  const { descriptor } = wanted.layer;
  const tocDigest = descriptor.annotations?.[annotationKeys.chunkedChecksum];
  const toc = sectionOf(wanted, annotationKeys.chunkedPosition);
  const tarSplit = sectionOf(wanted, annotationKeys.chunkedTarSplitPosition);
  if (tocDigest === undefined || toc === undefined || tarSplit === undefined) return undefined;
  const start = Math.min(toc.offset, tarSplit.offset);
  const end = Math.max(toc.offset + toc.storedBytes, tarSplit.offset + tarSplit.storedBytes);
  // They are in memory together, with what lies between: eight bytes of a header.
  const gapBytes = end - start - toc.storedBytes - tarSplit.storedBytes;
  if (gapBytes > sectionGapBytesMax) throw sectionFault(`${gapBytes} bytes lie between them`);
  const bytes = await readRange(wanted, { offset: start, sizeBytes: end - start });
  const cut = ({ offset, storedBytes }: Section): Uint8Array => {
    return bytes.subarray(offset - start, offset - start + storedBytes);
  };
  verifySection(cut(toc), tocDigest, "table of contents");
  const table = parseToc(expand(cut(toc), toc), { dataBytes: start });
  if (table.tarSplitDigest === undefined) return undefined;
  verifySection(cut(tarSplit), table.tarSplitDigest, "tar-split");
  return wayOf(wanted, table, expand(cut(tarSplit), tarSplit), toc.rawBytes + tarSplit.rawBytes);
}

/** `offset:stored:raw`, with more behind; inside the blob and of bearable size. */
function sectionOf({ layer: { descriptor } }: WantedLayer, key: string): Section | undefined {
  const text = descriptor.annotations?.[key];
  if (text === undefined) return undefined;
  const match = /^(\d{1,15}):(\d{1,15}):(\d{1,15})(?::1)?$/.exec(text);
  if (match === null) throw sectionFault(`"${text.slice(0, 100)}" is no position`);
  const [offset, storedBytes, rawBytes] = match.slice(1).map(Number) as [number, number, number];
  if (offset + storedBytes > descriptor.sizeBytes) throw sectionFault(`${text} lies outside the blob`);
  if (rawBytes > tocBytesMax || storedBytes > tocBytesMax) throw sectionFault(`${text} is too large`);
  return { offset, storedBytes, rawBytes };
}

function verifySection(bytes: Uint8Array, expected: string, what: string): void {
  const actual = digestOf(bytes);
  if (actual !== expected) throw sectionFault(`its ${what} has digest ${actual}, want ${expected}`);
}

function sectionFault(fault: string): AshlarError {
  return new AshlarError("PULL_SECTION", `Cannot read the tables of a layer: ${fault}`);
}

function expand(bytes: Uint8Array, { rawBytes }: Section): Uint8Array {
  const raw = decompressSync("zstd", bytes, { maxBytes: rawBytes, what: "the tables of a layer" });
  if (raw.length === rawBytes) return raw;
  throw sectionFault(`a table has ${raw.length} bytes, want ${rawBytes}`);
}

function wayOf(wanted: WantedLayer, table: Toc, tarSplit: Uint8Array, tableBytes: number): FilesWay {
  const { store } = wanted;
  const files = table.entries.filter((entry): entry is TocEntry & LayerFile => entry.content !== undefined);
  const recipe = recipeOf(files, tarSplit);
  return {
    kind: "files",
    missing: files.filter(({ content }) => !store.has(content)),
    tableBytes,
    finish: async () => {
      const kept = inPack(store, (pack) => pack.put(recipe).digest);
      proveTar(store, kept, wanted.layer.diffId);
      return tarPlan(wanted, { recipe: kept, hasBlob: false });
    },
  };
}

/** tar-split names each payload's file; the table of contents says which content that is. */
function recipeOf(files: readonly LayerFile[], tarSplit: Uint8Array): Uint8Array {
  const byName = new Map((files as readonly (LayerFile & { name: string })[]).map((file) => [file.name, file]));
  const pieces: Uint8Array[] = [];
  const writer = new RecipeWriter((bytes) => void pieces.push(bytes));
  const parser = new TarSplitParser("a layer");
  for (const piece of [...parser.push(tarSplit), ...parser.finish()]) {
    if (piece.kind === "raw") {
      writer.raw(piece.bytes);
      continue;
    }
    const { name, sizeBytes } = piece.file;
    const file = byName.get(name);
    if (file?.sizeBytes !== sizeBytes) throw sectionFault(`tar-split tells otherwise of "${name.slice(0, 200)}"`);
    writer.content(file.content);
  }
  return Buffer.concat(pieces);
}
