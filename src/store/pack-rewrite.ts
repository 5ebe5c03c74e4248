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

export interface CopyParts {
  readonly layout: Layout;
  readonly framesOf: (digest: Digest) => Iterable<Uint8Array>;
  /** Called with each new pack when it is durable. */
  readonly onMade?: (pack: PackFile) => void;
}

export interface RewriteParts extends CopyParts {
  readonly index: IndexDatabase;
  /** Does away with the file of a pack in no use any more, and tells what that gives back; absent: removes it. */
  readonly dispose?: (path: string) => number;
}

/** A rewritten pack is ended at this size. */
const packBytesMax = 256 << 20;
/** As well at this number of contents: its table is in memory. */
const packCountMax = 65_536;

/**
 * Copies what stays of some packs into new ones, then forgets and removes the old ones. Returns the bytes that
 * the file system got back. A crash in between leaves packs that are found again and go the next time.
 */
export function retirePacks(exits: readonly PackExit[], parts: RewriteParts): number {
  const packs: PackFile[] = [];
  const made = copyKept(exits, { ...parts, onMade: (pack) => packs.push(pack) });
  const madeIds = new Set(made.map((pack) => pack.id));
  parts.index.transaction(() => {
    for (const { drop } of exits) for (const digest of drop) parts.index.removeContent(digest);
    for (const pack of packs) parts.index.addPack(pack, { prefer: true });
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

/** Copies what stays of packs into new ones, each on the disk when it is told. */
export function copyKept(exits: Iterable<PackExit>, parts: CopyParts): PackFile[] {
  const made: PackFile[] = [];
  const builders = new Map<string, PackBuilder>();
  const open = (compressor: string): PackBuilder => {
    const known = builders.get(compressor);
    if (known !== undefined) return known;
    const output = new PackFileOutput(parts.layout, (pack) => {
      made.push({ ...pack, table: { ...pack.table, contents: [], joins: [] } });
      parts.onMade?.(pack);
    });
    const builder = new PackBuilder({ compressor: madeElsewhere(compressor), output, find: () => undefined });
    builders.set(compressor, builder);
    return builder;
  };
  try {
    for (const { pack, keep, joins } of exits) {
      for (const join of joins) open(pack.compressor).adoptJoin(join);
      for (const { content } of keep) {
        const builder = open(pack.compressor);
        builder.adopt(content, parts.framesOf(content.digest));
        if (builder.sizeBytes < packBytesMax && builder.count < packCountMax) continue;
        builder.commit();
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
