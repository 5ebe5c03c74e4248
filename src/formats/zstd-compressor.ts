// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { AshlarError, digestOf } from "../base/index.ts";
import { wasm, type WasmMemory } from "./wasm.ts";

/** Compresses with the pinned compressor: equal input gives equal bytes on every machine, always. */
export interface Compressor {
  /** The same as `compressorId()`. */
  readonly id: string;
  /** Makes one zstd frame, by itself, of bytes of any size below 1 GiB. The result is the caller's. */
  compress(raw: Uint8Array): Buffer;
}

const level = 6;
const packageName = "@bokuweb/zstd-wasm";
const wasmHex = "80260eee5795ee8072bb5821e203730c74dca3909938f5ac1128da67f96223df";
const id = `zstd-wasm@0.0.27/${level}/${wasmHex}`;

/** Names the compressor: package, version, level and sha256 of its code. It is part of a layer's identity. */
export function compressorId(): string {
  return id;
}

let loading: Promise<Compressor> | undefined;

/**
 * Loads the pinned compressor, once a thread. Throws `FORMATS_COMPRESSOR_MISMATCH` where the installed code is
 * not the one whose hash stands here, `FORMATS_COMPRESSOR_MISSING` where there is none.
 */
export function loadCompressor(): Promise<Compressor> {
  loading ??= instantiate(readPinnedWasm(wasmPath()));
  return loading;
}

/** The package's own loader is left out: it reads the file unverified and brings an event loop. */
function wasmPath(): string {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve(packageName)), "zstd.wasm");
  } catch (cause) {
    throw missing(cause);
  }
}

/** Reads the compressor's code and proves that it is the pinned one; exported for tests. */
export function readPinnedWasm(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw missing(cause);
  }
  const actual = digestOf(bytes);
  if (actual === `sha256:${wasmHex}`) return bytes;
  throw new AshlarError(
    "FORMATS_COMPRESSOR_MISMATCH",
    `Cannot use compressor "${packageName}": its code is ${actual}, want sha256:${wasmHex}`,
    { hint: "run: npm ci", details: { actual, expected: `sha256:${wasmHex}` } },
  );
}

function missing(cause: unknown): AshlarError {
  return new AshlarError("FORMATS_COMPRESSOR_MISSING", `Cannot load compressor "${packageName}": not installed`, {
    hint: "run: npm ci",
    cause,
  });
}

/** The module's exports; emscripten shortened their names (see `zstd.js` of the package for the key). */
interface Exports {
  /** memory */
  readonly f: WasmMemory;
  /** constructors */
  readonly g: () => void;
  /** ZSTD_isError(code) */
  readonly h: (code: number) => number;
  /** ZSTD_compressBound(size) */
  readonly i: (size: number) => number;
  /** ZSTD_createCCtx() */
  readonly j: () => number;
  /** ZSTD_compress_usingDict(context, to, room, from, size, dictionary, dictionarySize, level) */
  readonly l: (...args: number[]) => number;
  /** malloc(size) */
  readonly s: (size: number) => number;
  /** free(address) */
  readonly t: (address: number) => void;
}

async function instantiate(bytes: Uint8Array): Promise<Compressor> {
  let exports: Exports | undefined;
  const aborted = (): never => {
    throw new Error("internal error: the compressor aborted");
  };
  const grow = (size: number): number => growTo((exports as Exports).f, size >>> 0);
  const imports = { a: { a: aborted, b: () => {}, c: aborted, d: () => 0, e: grow } };
  const instance = await wasm.instantiate(await wasm.compile(bytes), imports);
  exports = instance.exports as unknown as Exports;
  exports.g();
  return new WasmCompressor(exports);
}

function growTo(memory: WasmMemory, size: number): number {
  const missingPages = Math.ceil((size - memory.buffer.byteLength) / 65536);
  try {
    if (missingPages > 0) memory.grow(missingPages);
    return 1;
  } catch {
    return 0;
  }
}

class WasmCompressor implements Compressor {
  readonly id = id;
  readonly #exports: Exports;
  readonly #context: number;
  #heap: Buffer;
  #roomBytes = 0;
  #from = 0;
  #to = 0;

  constructor(exports: Exports) {
    this.#exports = exports;
    this.#context = exports.j();
    this.#heap = Buffer.from(exports.f.buffer);
  }

  compress(raw: Uint8Array): Buffer {
    const { l: compressUsing, i: boundOf, h: isError } = this.#exports;
    if (raw.length > this.#roomBytes) this.#makeRoom(raw.length);
    this.#view().set(raw, this.#from);
    // Without a dictionary this is ZSTD_compressCCtx, whose output is ZSTD_compress's; a context that is kept
    // saves setting up its tables for each small file.
    const size = compressUsing(this.#context, this.#to, boundOf(raw.length), this.#from, raw.length, 0, 0, level);
    if (isError(size) !== 0) throw new Error(`internal error: zstd failed with code ${size}`);
    const at = this.#to;
    return Buffer.from(this.#view().subarray(at, at + size));
  }

  #view(): Buffer {
    // Growing the memory detaches its buffer.
    if (this.#heap.buffer !== this.#exports.f.buffer) this.#heap = Buffer.from(this.#exports.f.buffer);
    return this.#heap;
  }

  #makeRoom(size: number): void {
    const { s: malloc, t: free, i: boundOf } = this.#exports;
    if (this.#roomBytes > 0) {
      free(this.#from);
      free(this.#to);
    }
    this.#roomBytes = 0;
    const room = Math.max(1 << 20, size);
    this.#from = malloc(room);
    this.#to = malloc(boundOf(room));
    if (this.#from === 0 || this.#to === 0) throw new Error(`internal error: no memory to compress ${size} bytes`);
    this.#roomBytes = room;
  }
}
