// SPDX-License-Identifier: Apache-2.0
import { type DecompressOptions, Expansion } from "./expansion.ts";
import { gunzip, gunzipWhole } from "./gunzip.ts";
import { unxz, unxzSync } from "./xz.ts";
import { unzstd, unzstdSync } from "./zstd-decompress.ts";

export type Compression = "none" | "gzip" | "xz" | "zstd";

/** Tells by its first bytes (at least 6, where there are so many) how something is compressed. */
export function detectCompression(firstBytes: Uint8Array): Compression {
  const [a, b, c, d, e, f] = firstBytes;
  if (a === 0x1f && b === 0x8b && c === 8) return "gzip";
  if (a === 0xfd && b === 0x37 && c === 0x7a && d === 0x58 && e === 0x5a && f === 0) return "xz";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  if (a !== undefined && a >>> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18) return "zstd";
  return "none";
}

/**
 * Decompresses a stream in bounded memory: at most the window (128 MiB, usually 8) and some MiB, whatever the
 * input. Several gzip members or zstd frames make one result; one xz stream, without further filters.
 *
 * Throws `FORMATS_DECOMPRESS_LIMIT` (result above `maxBytes`, or more than 2000 times the input beyond
 * 16 MiB), `_MEMORY` (window above 128 MiB), `_INVALID` (damaged, truncated, followed by garbage),
 * `_UNSUPPORTED`. Pieces given out are the caller's. Ending the iteration early closes the input.
 */
export function decompress(
  kind: Compression,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncIterable<Uint8Array> {
  switch (kind) {
    case "none":
      return pass(chunks, options);
    case "gzip":
      return gunzip(chunks, options);
    case "xz":
      return unxz(chunks, options);
    case "zstd":
      return unzstd(chunks, options);
  }
}

/** Decompresses what is at hand whole and small enough to be; as `decompress`. May return `bytes` itself. */
export function decompressSync(kind: Compression, bytes: Uint8Array, options: DecompressOptions): Uint8Array {
  switch (kind) {
    case "none":
      count(new Expansion(options), bytes);
      return bytes;
    case "gzip":
      return gunzipWhole(bytes, options);
    case "xz":
      return unxzSync(bytes, options);
    case "zstd":
      return unzstdSync(bytes, options);
  }
}

async function* pass(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  const expansion = new Expansion(options);
  for await (const chunk of chunks) {
    count(expansion, chunk);
    yield chunk;
  }
}

function count(expansion: Expansion, bytes: Uint8Array): void {
  expansion.inBytes += bytes.length;
  expansion.addOut(bytes.length);
}
