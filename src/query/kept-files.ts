// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, type ImagePath, limits } from "../base/index.ts";

/** All kept files together. */
const keptBytesMax = 4 * limits.textBytesMax;

/** The bytes of some files, gathered while layers are read, in bounded memory. */
export class KeptFiles {
  readonly #keep: (path: ImagePath, sizeBytes: number) => boolean;
  #sizeBytes = 0;
  readonly files = new Map<Digest, Uint8Array>();

  constructor(keep: (path: ImagePath, sizeBytes: number) => boolean) {
    this.#keep = keep;
  }

  wants(path: ImagePath, sizeBytes: number): boolean {
    return sizeBytes <= limits.textBytesMax && this.#keep(path, sizeBytes);
  }

  /** Throws `QUERY_LAYER_LIMIT`. */
  add(content: Digest, bytes: Uint8Array): void {
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes > keptBytesMax) {
      const message = `Cannot read image: the files to look at have more than ${keptBytesMax} bytes together`;
      throw new AshlarError("QUERY_LAYER_LIMIT", message);
    }
    this.files.set(content, bytes);
  }
}
