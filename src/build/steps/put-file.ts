// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from "node:fs";

import type { ContentInfo, PackWriter } from "../../store/index.ts";

const chunkBytes = 1 << 20;

/** A file in pieces. */
export function* fileChunks(path: string): Generator<Uint8Array, void, void> {
  const file = openSync(path, "r");
  try {
    for (;;) {
      const bytes = Buffer.allocUnsafe(chunkBytes);
      const got = readSync(file, bytes, 0, chunkBytes, null);
      if (got === 0) return;
      yield bytes.subarray(0, got);
    }
  } finally {
    closeSync(file);
  }
}

/** Adds a file to a pack without holding it in memory. */
export function putFile(pack: PackWriter, path: string): ContentInfo {
  const writer = pack.open();
  try {
    for (const bytes of fileChunks(path)) writer.write(bytes);
    return writer.end();
  } catch (error) {
    writer.abort();
    throw error;
  }
}
