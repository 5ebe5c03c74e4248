// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { wasm, type WasmMemory, type WasmModule } from "./wasm.ts";

/** The exports of xz-decompress 0.2.3's module (xz-embedded). */
interface Exports {
  readonly memory: WasmMemory;
  readonly create_context: () => number;
  readonly destroy_context: (context: number) => void;
  readonly supply_input: (context: number, size: number) => void;
  /** 0: more, 1: the stream ended, else an error. */
  readonly get_next_output: (context: number) => number;
}

/** Words of the context, counted in units of 4 bytes. */
const word = { bufferSize: 0, in: 1, inPos: 2, inSize: 3, out: 4, outPos: 5 } as const;

let compiled: WasmModule | undefined;

/** The module inside the package's script: its own door is a web stream, which cannot be used synchronously. */
function compile(): WasmModule {
  if (compiled !== undefined) return compiled;
  const script = readFileSync(createRequire(import.meta.url).resolve("xz-decompress"), "latin1");
  const code = /data:application\/wasm;base64,([A-Za-z0-9+/=]+)/.exec(script)?.[1];
  if (code === undefined) throw new Error("internal error: xz-decompress holds no WebAssembly module");
  compiled = new wasm.Module(Buffer.from(code, "base64"));
  return compiled;
}

/**
 * Decompresses one .xz stream piece by piece in WebAssembly; memory is the dictionary and two buffers of
 * 64 KiB. Pieces given out are the caller's. Throws plain errors, which the caller wraps.
 */
export class XzWasm {
  readonly #exports: Exports;
  readonly #context: number;

  constructor() {
    // An instance each: a dictionary, once allocated, is never given back.
    this.#exports = new wasm.Instance(compile(), {}).exports as unknown as Exports;
    this.#context = this.#exports.create_context();
  }

  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(this.#word(word.bufferSize), bytes.length - at);
      new Uint8Array(this.#exports.memory.buffer, this.#word(word.in), length).set(bytes.subarray(at, at + length));
      this.#exports.supply_input(this.#context, length);
      at += length;
      yield* this.#outputs();
    }
  }

  /** Proves that the stream is complete: the decoder takes no input for the end of it. */
  finish(): void {
    this.#exports.supply_input(this.#context, 0);
    if (this.#exports.get_next_output(this.#context) !== 1) throw new Error("the data ends too early");
  }

  *#outputs(): Generator<Uint8Array> {
    for (;;) {
      const code = this.#exports.get_next_output(this.#context);
      if (code > 1) throw new Error(`xz error ${code}`);
      const size = this.#word(word.outPos);
      if (size > 0) yield Buffer.from(new Uint8Array(this.#exports.memory.buffer, this.#word(word.out), size));
      const full = size === this.#word(word.bufferSize);
      this.#words()[word.outPos] = 0;
      if (code === 1 || (!full && this.#word(word.inPos) === this.#word(word.inSize))) return;
    }
  }

  #words(): Uint32Array {
    return new Uint32Array(this.#exports.memory.buffer, this.#context, 8);
  }

  #word(index: number): number {
    return this.#words()[index] as number;
  }
}
