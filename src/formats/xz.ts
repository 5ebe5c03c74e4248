// SPDX-License-Identifier: Apache-2.0
import { createRequire } from "node:module";

import { type DecompressOptions, Expansion } from "./expansion.ts";
import { XzScanner } from "./xz-scan.ts";
import { XzWasm } from "./xz-wasm.ts";

/** A stream no larger than this, compressed and not, is decompressed in one call, which is quicker. */
const oneShotInBytesMax = 8 << 20;
const oneShotOutBytesMax = 24 << 20;

interface Native {
  decompressSync(bytes: Uint8Array): Buffer;
  decompressStream(input: ReadableStream<Uint8Array>): ReadableStream<Buffer>;
}

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

let native: Native | null | undefined;

/** The native decoder, where there is one for this platform; it is optional and a third quicker. */
function loadNative(): Native | undefined {
  if (native === undefined) {
    try {
      native = (createRequire(import.meta.url)("@napi-rs/lzma") as { readonly xz: Native }).xz;
    } catch {
      native = null;
    }
  }
  return native ?? undefined;
}

/** `engine` is for tests: "wasm" leaves the native decoder out. */
export interface XzOptions extends DecompressOptions {
  readonly engine?: "wasm";
}

/** Decompresses a whole .xz stream. Errors as `decompress`. */
export function unxzSync(bytes: Uint8Array, options: XzOptions): Uint8Array {
  const expansion = new Expansion(options);
  const scanner = new XzScanner(expansion);
  scanner.push(bytes);
  scanner.finish();
  return unxzScanned(bytes, expansion, options);
}

/** Decompresses what the scanner has passed, so that its size is known. */
function unxzScanned(bytes: Uint8Array, expansion: Expansion, options: XzOptions): Uint8Array {
  const decoder = options.engine === "wasm" ? undefined : loadNative();
  let out: Uint8Array;
  try {
    out = decoder === undefined ? unxzWasm(bytes, expansion.outBytes) : decoder.decompressSync(bytes);
  } catch (cause) {
    throw expansion.wrap(cause);
  }
  if (out.length === expansion.outBytes) return out;
  throw expansion.error("INVALID", `it has ${out.length} bytes, its chunks say ${expansion.outBytes}`);
}

function unxzWasm(bytes: Uint8Array, outBytes: number): Buffer {
  const decoder = new XzWasm();
  const out = Buffer.allocUnsafe(outBytes);
  let at = 0;
  for (const piece of decoder.push(bytes)) {
    out.set(piece, at);
    at += piece.length;
  }
  decoder.finish();
  return out.subarray(0, at);
}

/** Decompresses an .xz stream piece by piece in bounded memory. Errors as `decompress`. */
export async function* unxz(chunks: Chunks, options: XzOptions): AsyncGenerator<Uint8Array> {
  const expansion = new Expansion(options);
  const scanner = new XzScanner(expansion);
  const scanned = scan(expansion.input(chunks), scanner);
  try {
    const head: Uint8Array[] = [];
    let whole = false;
    while (expansion.inBytes <= oneShotInBytesMax && expansion.outBytes <= oneShotOutBytesMax && !whole) {
      const next = await scanned.next();
      if (next.done === true) whole = true;
      else head.push(next.value);
    }
    if (whole) yield unxzScanned(Buffer.concat(head), expansion, options);
    else yield* unxzPieces(chain(head, scanned), expansion, options);
  } finally {
    await scanned.return();
  }
}

async function* scan(chunks: Chunks, scanner: XzScanner): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    scanner.push(chunk);
    yield chunk;
  }
  scanner.finish();
}

async function* chain(head: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}

async function* unxzPieces(
  input: AsyncGenerator<Uint8Array>,
  expansion: Expansion,
  options: XzOptions,
): AsyncGenerator<Uint8Array> {
  const decoder = options.engine === "wasm" ? undefined : loadNative();
  let outBytes = 0;
  const pieces = decoder === undefined ? wasmPieces(input) : nativePieces(decoder, input);
  try {
    for await (const piece of pieces) {
      outBytes += piece.length;
      yield piece;
    }
  } catch (cause) {
    throw expansion.wrap(cause);
  }
  if (outBytes === expansion.outBytes) return;
  throw expansion.error("INVALID", `it has ${outBytes} bytes, its chunks say ${expansion.outBytes}`);
}

async function* wasmPieces(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const decoder = new XzWasm();
  for await (const chunk of input) yield* decoder.push(chunk);
  decoder.finish();
}

async function* nativePieces(decoder: Native, input: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let fault: unknown;
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await input.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          // The decoder would give us its own error instead.
          fault = error;
          controller.error(error);
        }
      },
      async cancel() {
        await input.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  try {
    yield* decoder.decompressStream(source);
  } catch (error) {
    throw fault ?? error;
  }
}
