// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync, rmSync } from "node:fs";

import { isAshlarError, type ProgressStep } from "../base/index.ts";
import { Partial } from "../fetch/index.ts";
import type { Descriptor, ImageSource } from "../oci/index.ts";

export interface ResumedBlob {
  /** The blob from its beginning, what an earlier try left first. Verified by whoever reads it. */
  bytes(): AsyncGenerator<Uint8Array, void, void>;
  /** Drops what lies in the download area: the blob is not needed any more. */
  forget(): void;
}

/**
 * A blob by way of the download area at `path`: when its stream breaks, what came stays there for the next try; when
 * its reader gives up, nothing does. A place that gives no parts is read directly, as it is near or has to start again
 * anyway.
 */
export function resumedBlob(
  source: ImageSource,
  descriptor: Descriptor,
  { path, shown }: { readonly path: string; readonly shown: ProgressStep },
): ResumedBlob {
  const counted = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const piece of bytes) {
      shown.advance(piece.length);
      yield piece;
    }
  };
  if (source.isRemote === undefined) return { bytes: () => counted(source.blob(descriptor)), forget: () => {} };
  return {
    bytes: () => counted(throughArea(source, descriptor, path)),
    forget: () => rmSync(path, { force: true }),
  };
}

async function* throughArea(
  source: ImageSource,
  descriptor: Descriptor,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  const partial = new Partial(path);
  let end: "refused" | "cut" | "whole" = "refused";
  try {
    if (partial.sizeBytes > descriptor.sizeBytes) partial.reset();
    yield* readPart(partial.path, partial.sizeBytes);
    for await (const piece of restOf(source, descriptor, partial.sizeBytes)) {
      partial.write(piece);
      yield piece;
    }
    end = "whole";
    // Bytes that are not the blob's must not be found by the next try.
    if (partial.digest() === descriptor.digest) partial.publish();
    else partial.drop();
  } catch (error) {
    if (end === "refused") end = "cut";
    throw error;
  } finally {
    // Whoever reads and stops found bytes that are none of the blob's: going on from them would fail for ever.
    if (end === "refused") partial.drop();
    else if (end === "cut") partial.leave();
  }
}

/** The blob from `offset` on; from a place that turns out to give no parts it comes whole. */
async function* restOf(
  source: ImageSource,
  descriptor: Descriptor,
  offset: number,
): AsyncGenerator<Uint8Array, void, void> {
  const sizeBytes = descriptor.sizeBytes - offset;
  if (offset === 0 || source.range === undefined) return yield* source.blob(descriptor);
  if (sizeBytes <= 0) return;
  try {
    return yield* source.range(descriptor, { offset, sizeBytes });
  } catch (error) {
    if (!isAshlarError(error, "OCI_RANGE_UNSUPPORTED")) throw error;
  }
  let at = 0;
  for await (const piece of source.blob(descriptor)) {
    const known = Math.max(0, Math.min(piece.length, offset - at));
    at += piece.length;
    if (known < piece.length) yield piece.subarray(known);
  }
}

const pieceBytes = 1 << 18;

function* readPart(path: string, sizeBytes: number): Generator<Uint8Array, void, void> {
  if (sizeBytes === 0) return;
  const file = openSync(path, "r");
  try {
    for (let at = 0; at < sizeBytes; ) {
      const bytes = Buffer.allocUnsafe(Math.min(pieceBytes, sizeBytes - at));
      const got = readSync(file, bytes, 0, bytes.length, at);
      if (got === 0) return;
      at += got;
      yield bytes.subarray(0, got);
    }
  } finally {
    closeSync(file);
  }
}
