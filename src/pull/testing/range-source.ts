// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { type BlobRange, type Descriptor, type Image, type ImageSource, sourceOf } from "../../oci/index.ts";

/** How a place misbehaves; what is absent is done right. */
export interface Trouble {
  /** Breaks off after so many bytes of blobs, over all requests. */
  readonly cutAfterBytes?: number;
  /** Gives blobs as a whole only. */
  readonly noRanges?: boolean;
  /** Changes what a part gives. */
  readonly change?: (bytes: Uint8Array, descriptor: Descriptor) => Uint8Array;
}

export interface Asked extends BlobRange {
  readonly descriptor: Descriptor;
  readonly whole: boolean;
  /** Bytes that were given out. */
  sentBytes: number;
}

/** A place in memory that gives parts of blobs, as a registry does, and tells what it was asked for. */
export function rangeSource(image: Image, trouble: Trouble = {}): ImageSource & { readonly asked: readonly Asked[] } {
  const source = sourceOf(image);
  const asked: Asked[] = [];
  const blobs = new Map<string, Promise<Buffer>>();
  const bytesOf = (descriptor: Descriptor): Promise<Buffer> => {
    const known = blobs.get(descriptor.digest) ?? collect(source.blob(descriptor));
    blobs.set(descriptor.digest, known);
    return known;
  };
  let sent = 0;
  async function* give(ask: Asked, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    asked.push(ask);
    for (let at = 0; at < bytes.length; at += 997) {
      const piece = bytes.subarray(at, at + 997);
      const left = (trouble.cutAfterBytes ?? Infinity) - sent;
      const given = piece.subarray(0, Math.max(0, left));
      sent += given.length;
      ask.sentBytes += given.length;
      if (given.length > 0) yield given;
      if (given.length < piece.length) throw new AshlarError("REGISTRY_CUT", "Cannot read blob: the connection broke");
    }
  }
  return {
    ...source,
    isRemote: true,
    asked,
    async *blob(descriptor) {
      const bytes = await bytesOf(descriptor);
      yield* give({ descriptor, whole: true, offset: 0, sizeBytes: bytes.length, sentBytes: 0 }, bytes);
    },
    async *range(descriptor, range) {
      if (trouble.noRanges === true) throw new AshlarError("OCI_RANGE_UNSUPPORTED", "Cannot read part of a blob");
      const part = (await bytesOf(descriptor)).subarray(range.offset, range.offset + range.sizeBytes);
      const bytes = trouble.change?.(part, descriptor) ?? part;
      yield* give({ descriptor, whole: false, ...range, sentBytes: 0 }, bytes);
    },
  };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(Uint8Array.from(piece));
  return Buffer.concat(all);
}
