// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { AshlarError, isSystemError } from "../base/index.ts";
import { type Descriptor, ociLimits } from "../oci/index.ts";

const pieceBytes = 1 << 20;

/** A part of a file. */
export interface Span {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Streams a file, or a part of it. Throws `OCI_BLOB_MISSING` where there is none, `REGISTRY_READ`. */
export async function* streamFile(path: string, span?: Span): AsyncGenerator<Uint8Array, void, void> {
  const fd = openFile(path);
  try {
    let at = span?.offset ?? 0;
    const end = span === undefined ? Infinity : span.offset + span.sizeBytes;
    while (at < end) {
      const piece = readPiece(fd, { path, offset: at, length: Math.min(pieceBytes, end - at) });
      if (piece.length === 0) return;
      at += piece.length;
      yield piece;
    }
  } finally {
    closeSync(fd);
  }
}

/** A document in a file: all of it unless a part is named. */
interface DocumentPart extends Partial<Span> {
  /** The most it may have. */
  readonly bytesMax?: number;
}

/** Reads a document whole, if it is not too large. Throws as `streamFile`, and `OCI_LIMIT`. */
export function readDocument(path: string, part: DocumentPart = {}): Uint8Array {
  const fd = openFile(path);
  try {
    const sizeBytes = part.sizeBytes ?? fstatSync(fd).size;
    const max = part.bytesMax ?? ociLimits.documentBytesMax;
    if (sizeBytes > max) {
      throw new AshlarError(
        "OCI_LIMIT",
        `Cannot read "${path}": it has ${sizeBytes} bytes, want at most ${max}`,
      );
    }
    return readPiece(fd, { path, offset: part.offset ?? 0, length: sizeBytes });
  } finally {
    closeSync(fd);
  }
}

/** Opens a regular file; a fifo or device would hang or never end. */
export function openFile(path: string): number {
  let fd: number;
  try {
    // A fifo nobody writes to would block the open itself.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) {
      throw new AshlarError("OCI_BLOB_MISSING", `Cannot read "${path}": no such file`, { cause: error });
    }
    throw readFailed(path, error);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new AshlarError("REGISTRY_READ", `Cannot read "${path}": not a regular file`);
}

/** Reads up to `length` bytes; fewer only at the file's end. */
export function readPiece(
  fd: number,
  { path, offset, length }: { readonly path: string; readonly offset: number; readonly length: number },
): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let fill = 0;
  try {
    while (fill < length) {
      const count = readSync(fd, bytes, fill, length - fill, offset + fill);
      if (count === 0) break;
      fill += count;
    }
  } catch (error) {
    throw readFailed(path, error);
  }
  return bytes.subarray(0, fill);
}

function readFailed(path: string, cause: unknown): AshlarError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AshlarError("REGISTRY_READ", `Cannot read "${path}": ${reason}`, { cause });
}

/** Where a blob lies in a layout, `/` between the parts. The digest is parsed, so the path cannot lead elsewhere. */
export function blobPath(descriptor: Descriptor): string {
  return `blobs/sha256/${descriptor.digest.slice("sha256:".length)}`;
}
