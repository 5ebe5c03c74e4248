// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import type { BlobRange } from "../oci/index.ts";
import type { WantedTables } from "./layer-way.ts";

/** A part of a layer's blob in memory. Throws `OCI_RANGE_UNSUPPORTED`, `OCI_BLOB_SIZE` and what the source throws. */
export async function readRange({ source, layer }: WantedTables, range: BlobRange): Promise<Uint8Array> {
  const { descriptor } = layer;
  if (source.range === undefined) throw rangeUnsupported();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source.range(descriptor, range)) {
    pieces.push(Uint8Array.from(piece));
    length += piece.length;
    if (length > range.sizeBytes) break;
  }
  if (length === range.sizeBytes) return Buffer.concat(pieces);
  const message = `Cannot read part of blob "${descriptor.digest}": got ${length} bytes, want ${range.sizeBytes}`;
  throw new AshlarError("OCI_BLOB_SIZE", message);
}

function rangeUnsupported(): AshlarError {
  return new AshlarError("OCI_RANGE_UNSUPPORTED", "Cannot read part of a blob: the place has only whole ones");
}
