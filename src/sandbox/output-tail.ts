// SPDX-License-Identifier: Apache-2.0

const tailBytesMax = 64 * 1024;

/** Keeps the end of an output. */
export class OutputTail {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  add(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes.subarray(-tailBytesMax)));
    this.#bytes += Math.min(bytes.length, tailBytesMax);
    if (this.#bytes > 4 * tailBytesMax) this.#shrink();
  }

  /** At most the last 64 KiB. */
  bytes(): Uint8Array {
    this.#shrink();
    return this.#parts[0] ?? new Uint8Array();
  }

  #shrink(): void {
    const all = Buffer.concat(this.#parts).subarray(-tailBytesMax);
    this.#parts = [all];
    this.#bytes = all.length;
  }
}
