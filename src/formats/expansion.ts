// SPDX-License-Identifier: Apache-2.0
import { AshlarError, limits } from "../base/index.ts";

export interface DecompressOptions {
  /** The most the result may have; more is refused before it is made, or after at most a few MiB. */
  readonly maxBytes: number;
  /** Names the input in messages, e.g. `data.tar.xz of "curl"`. */
  readonly what: string;
}

/** The largest window or dictionary we give memory for. */
export const windowBytesMax = 128 << 20;

/** Keeps one decompression inside its bounds: the caller's maximum and the ratio of trust.md's rule. */
export class Expansion {
  readonly #options: DecompressOptions;
  #inputFault: unknown;
  inBytes = 0;
  outBytes = 0;

  constructor(options: DecompressOptions) {
    this.#options = options;
  }

  /** Counts output that exists or is announced. Throws `FORMATS_DECOMPRESS_LIMIT`. */
  addOut(bytes: number): void {
    this.setOut(this.outBytes + bytes);
  }

  setOut(bytes: number): void {
    this.outBytes = bytes;
    const { maxBytes } = this.#options;
    if (bytes > maxBytes) throw this.#limit(`the result has more than ${maxBytes} bytes`, { maxBytes });
    if (bytes > limits.ratioFreeBytes && bytes > this.inBytes * limits.expansionRatioMax) {
      throw this.#limit(`it grows to more than ${limits.expansionRatioMax} times its size`, {});
    }
  }

  #limit(fault: string, details: Record<string, unknown>): AshlarError {
    return this.error("LIMIT", `${fault}, which is refused`, { details });
  }

  error(
    reason: string,
    fault: string,
    parts: { cause?: unknown; details?: Record<string, unknown> } = {},
  ): AshlarError {
    return new AshlarError(`FORMATS_DECOMPRESS_${reason}`, `Cannot decompress ${this.#options.what}: ${fault}`, parts);
  }

  /** Passes the input on, and remembers its error so that `wrap` does not take it for damaged data. */
  async *input(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
    try {
      yield* chunks;
    } catch (error) {
      this.#inputFault = error;
      throw error;
    }
  }

  /** Turns what a library threw into `FORMATS_DECOMPRESS_INVALID`; our own and the input's errors pass. */
  wrap(cause: unknown): unknown {
    if (cause instanceof AshlarError || (cause !== undefined && cause === this.#inputFault)) return cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    return this.error("INVALID", `the data is damaged (${text})`, { cause });
  }
}
