// SPDX-License-Identifier: Apache-2.0
import { AshlarError, digestOf } from "../base/index.ts";
import { decompressSync, TarParser } from "../formats/index.ts";
import { estargzFooterBytes, estargzTocName, parseEstargzFooter, tocBytesMax } from "../layer/index.ts";
import type { BlobRange } from "../oci/index.ts";
import type { WantedLayer } from "./layer-way.ts";
import { readRange } from "./read-range.ts";

/** The last member of an eStargz layer's tar, and the end of its blob. */
export interface EstargzTail {
  /** Where in the blob the member begins: behind all data. */
  readonly dataBytes: number;
  /** The tar around the table of contents: the header in front, padding and end mark behind. */
  readonly head: Uint8Array;
  readonly toc: Uint8Array;
  readonly end: Uint8Array;
  /** A part of the blob, if it came along. */
  part(range: BlobRange): Uint8Array | undefined;
}

/** Tables of contents are less than a hundredth of most blobs; small ones come with the first request. */
const [tailShare, tailBytesMin, tailBytesMax] = [128, 4 << 10, 512 << 10];

/**
 * Reads footer and table of contents of an eStargz layer, by one request where the table is not larger than usual,
 * else by two; undefined where the blob is so small that it is as well read whole. Throws `PULL_SECTION`,
 * `LAYER_FOOTER_INVALID`, `FORMATS_*`, and what `readRange` throws.
 */
export async function readEstargzTail(wanted: WantedLayer, tocDigest: string): Promise<EstargzTail | undefined> {
  const { sizeBytes } = wanted.layer.descriptor;
  const guess = Math.min(tailBytesMax, Math.max(tailBytesMin, Math.floor(sizeBytes / tailShare)));
  if (guess >= sizeBytes) return undefined;
  const last = await readRange(wanted, { offset: sizeBytes - guess, sizeBytes: guess });
  const tocEnd = sizeBytes - estargzFooterBytes;
  const dataBytes = parseEstargzFooter(last.subarray(-estargzFooterBytes));
  if (dataBytes >= tocEnd || tocEnd - dataBytes > tocBytesMax) throw fault(`a table at byte ${dataBytes} has no place`);
  const start = Math.min(dataBytes, sizeBytes - guess);
  const missing = sizeBytes - guess - start;
  const more = missing > 0 ? await readRange(wanted, { offset: start, sizeBytes: missing }) : new Uint8Array();
  const bytes = Buffer.concat([more, last]);
  const tail = openTocMember(bytes.subarray(dataBytes - start, tocEnd - start));
  const actual = digestOf(tail.toc);
  if (actual !== tocDigest) throw fault(`its table of contents has digest ${actual}, want ${tocDigest}`);
  return {
    ...tail,
    dataBytes,
    part: (range) => {
      if (range.offset < start) return undefined;
      return bytes.subarray(range.offset - start, range.offset - start + range.sizeBytes);
    },
  };
}

/** Opens the gzip member of a table of contents: a tar with one file. Throws `PULL_SECTION`, `FORMATS_*`. */
export function openTocMember(member: Uint8Array): Pick<EstargzTail, "head" | "toc" | "end"> {
  const raw = unpackMember(member, tocBytesMax);
  const names: string[] = [];
  const pieces: Uint8Array[] = [];
  const parser = new TarParser({
    entry: ({ name }) => void names.push(name),
    data: (bytes) => void pieces.push(bytes),
    endEntry: () => {},
  });
  parser.push(raw);
  parser.finish();
  const [toc] = pieces;
  if (names.length !== 1 || names[0] !== estargzTocName || toc === undefined) {
    throw fault(`its last member is not "${estargzTocName}" alone`);
  }
  const at = toc.byteOffset - raw.byteOffset;
  return { head: raw.subarray(0, at), toc, end: raw.subarray(at + toc.length) };
}

/** Decompresses the gzip members that make up a part of an eStargz blob. Throws `FORMATS_DECOMPRESS_*`. */
export function unpackMember(stored: Uint8Array, maxBytes: number): Uint8Array {
  return decompressSync("gzip", stored, { maxBytes, what: "a part of an eStargz layer" });
}

function fault(state: string): AshlarError {
  return new AshlarError("PULL_SECTION", `Cannot read the tables of an eStargz layer: ${state}`);
}
