// SPDX-License-Identifier: Apache-2.0
import type { Transform } from "node:stream";

/** A stream of node:zlib; `bytesWritten` counts the input it has used. */
type Engine = Transform & { readonly bytesWritten: number };

/**
 * Runs pieces of input through a stream of node:zlib, giving out what each of them makes before the next is
 * taken. The caller keeps a piece small enough for its result to fit in memory.
 */
export class ZlibStream {
  readonly #engine: Engine;
  #inBytes = 0;
  #out: Uint8Array[] = [];
  #fault: Error | undefined;
  #settle: () => void = () => {};

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.on("data", (chunk: Uint8Array) => void this.#out.push(chunk));
    engine.on("error", (error: Error) => {
      this.#fault = error;
      this.#settle();
    });
    engine.on("end", () => this.#settle());
  }

  async push(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    this.#inBytes += bytes.length;
    const out = await this.#run((done) => {
      this.#engine.write(bytes, (error) => {
        this.#fault ??= error ?? undefined;
        done();
      });
    });
    // Node ends the result, without an error, where it takes the rest for padding.
    if (this.#engine.bytesWritten < this.#inBytes) throw new Error("bytes follow the end of the data");
    return out;
  }

  async finish(): Promise<readonly Uint8Array[]> {
    return this.#run(() => void this.#engine.end());
  }

  close(): void {
    this.#engine.destroy();
  }

  async #run(start: (done: () => void) => void): Promise<readonly Uint8Array[]> {
    if (this.#fault === undefined) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        start(resolve);
      });
    }
    if (this.#fault !== undefined) throw this.#fault;
    const out = this.#out;
    this.#out = [];
    return out;
  }
}
