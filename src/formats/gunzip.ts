// SPDX-License-Identifier: Apache-2.0
import { createGunzip, gunzipSync } from "node:zlib";

import { type DecompressOptions, Expansion } from "./expansion.ts";
import { ZlibStream } from "./zlib-stream.ts";

/** Deflate grows at most 1032 times, so this much input gives at most 16 MiB. */
const pieceBytes = 16 * 1024;

/** Decompresses gzip members back to back. Errors as `decompress`. */
export function gunzipWhole(bytes: Uint8Array, options: DecompressOptions): Uint8Array {
  const expansion = new Expansion(options);
  expansion.inBytes = bytes.length;
  let out: Uint8Array;
  try {
    out = gunzipSync(bytes, { maxOutputLength: options.maxBytes + 1 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") expansion.addOut(options.maxBytes + 1);
    throw expansion.wrap(cause);
  }
  expansion.addOut(out.length);
  return out;
}

/** Decompresses gzip members back to back, piece by piece in bounded memory. Errors as `decompress`. */
export async function* gunzip(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array> {
  const expansion = new Expansion(options);
  const stream = new ZlibStream(createGunzip({ chunkSize: 64 * 1024 }));
  try {
    for await (const chunk of expansion.input(chunks)) {
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        const piece = chunk.subarray(at, at + pieceBytes);
        expansion.inBytes += piece.length;
        yield* counted(await stream.push(piece), expansion);
      }
    }
    yield* counted(await stream.finish(), expansion);
  } catch (cause) {
    throw expansion.wrap(cause);
  } finally {
    stream.close();
  }
}

function* counted(pieces: readonly Uint8Array[], expansion: Expansion): Generator<Uint8Array> {
  for (const bytes of pieces) {
    expansion.addOut(bytes.length);
    yield bytes;
  }
}
