// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../../base/index.ts";
import type { Compressor, Tree } from "../../formats/index.ts";
import { TocWriter, type WrittenToc } from "../toc.ts";

/** A table of contents with its index for parts of which nothing need be true; each file is a frame at byte 0. */
export function writtenToc(parts: readonly Tree[], compressor: Compressor): WrittenToc {
  const writer = new TocWriter(compressor);
  for (const part of parts) {
    for (const entry of part) {
      writer.entry(entry);
      if (entry.type !== "file" || entry.sizeBytes === 0) continue;
      writer.frames(entry.content, [{ digest: entry.content, rawBytes: entry.sizeBytes, storedBytes: 20 }], 0);
    }
    writer.endPart();
  }
  return writer.finish(digestOf("tar-split"));
}
