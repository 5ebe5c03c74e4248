// SPDX-License-Identifier: Apache-2.0
import { lstatSync, rmSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import { blockBytes, diskUseOf } from "./disk-use.ts";
import { madeElsewhere } from "./frame-pack.ts";
import type { IndexDatabase, Location, PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import { PackBuilder } from "./pack-builder.ts";
import { type PackFile, PackFileOutput } from "./pack-file.ts";
import type { JoinedContent } from "./pack-format.ts";
import { onDisk } from "./system-fault.ts";

/** A pack that goes, with those of its contents that stay. */
export interface PackExit {
  readonly pack: PackRow;
  readonly keep: readonly Location[];
  /** Joins that stay; what they are joined of stays wherever it is. */
  readonly joins: readonly JoinedContent[];
  /** Contents that the index forgets. */
  readonly drop: readonly Digest[];
}

export interface RewriteParts {
  readonly layout: Layout;
  readonly index: IndexDatabase;
  readonly framesOf: (digest: Digest) => Iterable<Uint8Array>;
  /** Does away with the file of a pack in no use any more, and tells what that gives back; absent: removes it. */
  readonly dispose?: (path: string) => number;
}

/** A rewritten pack is ended at this size. */
const packBytesMax = 256 << 20;

/**
 * Copies what stays of some packs into new ones, then forgets and removes the old ones. Returns the bytes that
 * the file system got back. A crash in between leaves packs that are found again and go the next time.
 */
export function retirePacks(exits: readonly PackExit[], parts: RewriteParts): number {
  const made = copyKept(exits, parts);
  const madeIds = new Set(made.map((pack) => pack.id));
  parts.index.transaction(() => {
    for (const { drop } of exits) for (const digest of drop) parts.index.removeContent(digest);
    for (const pack of made) parts.index.addPack(pack, { prefer: true });
    for (const { pack } of exits) if (!madeIds.has(pack.id)) parts.index.removeEmptyPack(pack.number);
  });
  // A new pack may be the same, byte for byte, as an old one whose contents were found elsewhere.
  const old = new Set(exits.map(({ pack }) => pack.id));
  let freed = -diskUseOf([...madeIds].filter((id) => !old.has(id)).map((id) => parts.layout.pack(id))).bytes;
  for (const { pack } of exits) {
    if (!madeIds.has(pack.id)) freed += (parts.dispose ?? removeFile)(parts.layout.pack(pack.id));
  }
  return freed;
}

function copyKept(exits: readonly PackExit[], parts: RewriteParts): PackFile[] {
  const made: PackFile[] = [];
  const builders = new Map<string, PackBuilder>();
  const start = (compressor: string): PackBuilder => {
    const output = new PackFileOutput(parts.layout, (pack) => made.push(pack));
    return new PackBuilder({ compressor: madeElsewhere(compressor), output, find: () => undefined });
  };
  try {
    for (const { pack, keep, joins } of exits) {
      const builder = (): PackBuilder => {
        const open = builders.get(pack.compressor) ?? start(pack.compressor);
        builders.set(pack.compressor, open);
        return open;
      };
      for (const join of joins) builder().adoptJoin(join);
      for (const { content } of keep) {
        builder().adopt(content, parts.framesOf(content.digest));
        if (builder().sizeBytes < packBytesMax) continue;
        builder().commit();
        builders.delete(pack.compressor);
      }
    }
    for (const builder of builders.values()) builder.commit();
  } finally {
    for (const builder of builders.values()) builder.abort();
  }
  return made;
}

/** Removes a file and returns how many bytes that gives back on disk: none while it has other names. */
export function removeFile(path: string): number {
  return onDisk(`remove "${path}"`, () => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    rmSync(path, { force: true });
    return stats === undefined || stats.nlink > 1 ? 0 : blockBytes(stats);
  });
}
