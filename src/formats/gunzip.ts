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
  let result: { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  try {
    // With `info` the result tells how much input was used; Node's types do not know that.
    result = gunzipSync(bytes, { maxOutputLength: options.maxBytes + 1, info: true }) as unknown as typeof result;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") expansion.addOut(options.maxBytes + 1);
    throw expansion.wrap(cause);
  }
  if (result.engine.bytesWritten < bytes.length) throw expansion.error("INVALID", "bytes follow the end of the data");
  expansion.addOut(result.buffer.length);
  return result.buffer;
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
