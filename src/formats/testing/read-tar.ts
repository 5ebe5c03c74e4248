// SPDX-License-Identifier: Apache-2.0
import type { TarEntry } from "../tar-entry.ts";
import { TarParser } from "../tar-parser.ts";

export interface ReadMember {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

/** Parses an archive that is pushed in pieces of `pieceBytes`, and checks the order of the visitor's calls. */
export function readTar(
  bytes: Uint8Array,
  options: { pieceBytes?: number; entryCountMax?: number } = {},
): ReadMember[] {
  const members: ReadMember[] = [];
  let open: { entry: TarEntry; pieces: Buffer[] } | undefined;
  const parser = new TarParser(
    {
      entry(entry) {
        if (open !== undefined) throw new Error("entry before endEntry");
        open = { entry, pieces: [] };
      },
      data(piece) {
        if (open === undefined || piece.length === 0) throw new Error("data outside of an entry, or none");
        open.pieces.push(Buffer.from(piece));
      },
      endEntry() {
        if (open === undefined) throw new Error("endEntry before entry");
        members.push({ entry: open.entry, content: Buffer.concat(open.pieces) });
        open = undefined;
      },
    },
    options.entryCountMax === undefined ? {} : { entryCountMax: options.entryCountMax },
  );
  const step = options.pieceBytes ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
  parser.finish();
  for (const { entry, content } of members) {
    if (content.length !== entry.sizeBytes) throw new Error("the content has another size than its entry");
  }
  return members;
}
