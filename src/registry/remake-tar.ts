// SPDX-License-Identifier: Apache-2.0
import { limits, parseEntryName } from "../base/index.ts";
import { crc64, crc64Hex, decompress, type SplitFile, TarSplitParser } from "../formats/index.ts";
import { streamFile } from "./file-reader.ts";
import { type LayerFiles, storageError } from "./layer-files.ts";

export interface TakenApart {
  /** The tar without its files' contents: tar-split, compressed by gzip. */
  readonly splitPath: string;
  readonly files: LayerFiles;
}

/** Pieces are handed on when they have about this size. */
const batchBytes = 256 << 10;
/** Some hundred bytes for each header; more than two million entries are refused anyway. */
const splitOptions = { maxBytes: limits.entryCountMax * 2048, what: "tar-split" };

/**
 * Makes the tar of a layer again, byte for byte. Its files are proven by their CRC-64 so that a message can name
 * the one that changed; what proves the whole is the layer's diffId, to the caller. Throws `FORMATS_TAR_SPLIT`,
 * `REGISTRY_STORAGE`, `FORMATS_DECOMPRESS_*`, `PATH_INVALID`, `OCI_BLOB_MISSING`.
 */
export async function* remakeTar({ splitPath, files }: TakenApart): AsyncGenerator<Uint8Array, void, void> {
  let batch: Uint8Array[] = [];
  let fill = 0;
  for await (const bytes of walkTar(splitPath, files)) {
    batch.push(bytes);
    fill += bytes.length;
    if (fill < batchBytes) continue;
    yield batch.length === 1 ? bytes : Buffer.concat(batch);
    batch = [];
    fill = 0;
  }
  if (fill > 0) yield Buffer.concat(batch);
}

async function* walkTar(splitPath: string, files: LayerFiles): AsyncGenerator<Uint8Array, void, void> {
  for await (const pieces of splitPieces(splitPath)) {
    for (const piece of pieces) {
      if (piece.kind === "raw") yield piece.bytes;
      else yield* provenFile(piece.file, files);
    }
  }
}

/** The size of the tar that a tar-split describes. Errors as `remakeTar`. */
export async function sizeOfTar(splitPath: string): Promise<number> {
  let sizeBytes = 0;
  for await (const pieces of splitPieces(splitPath)) {
    for (const piece of pieces) sizeBytes += piece.kind === "raw" ? piece.bytes.length : piece.file.sizeBytes;
  }
  return sizeBytes;
}

async function* splitPieces(splitPath: string): AsyncGenerator<ReturnType<TarSplitParser["push"]>, void, void> {
  const parser = new TarSplitParser(`"${splitPath}"`);
  for await (const bytes of decompress("gzip", streamFile(splitPath), splitOptions)) yield parser.push(bytes);
  yield parser.finish();
}

function* provenFile(file: SplitFile, files: LayerFiles): Generator<Uint8Array, void, void> {
  // Engines take an absolute name for one below the layer's root, and so it lies there.
  const path = parseEntryName(file.name.replace(/^\/+/, ""));
  if (path === undefined) throw storageError(`"${file.name}" has content, want a file's name`);
  let sum = crc64(new Uint8Array());
  for (const bytes of files.read(path, file.sizeBytes)) {
    sum = crc64(bytes, sum);
    yield bytes;
  }
  if (crc64Hex(sum) === file.crc64) return;
  throw storageError(`file "/${path}" is not the one that was stored (its CRC-64 is another)`, {
    hint: "pull or load the image into podman again",
  });
}
