// SPDX-License-Identifier: Apache-2.0
import { closeSync } from "node:fs";
import { posix } from "node:path";

import { AshlarError, parseEntryName } from "../base/index.ts";
import { detectCompression, type TarEntry, TarParser } from "../formats/index.ts";
import { openFile, readPiece, type Span } from "./file-reader.ts";

const blockBytes = 512;
/** An image archive has a few members for each layer. */
const memberCountMax = 100_000;

/** Where the members of a tar file lie, by name; links among them are followed. */
export interface TarMembers {
  find(name: string): Span | undefined;
}

/**
 * Looks through a tar file, reading only its headers: the members of an image's archive are large and are
 * wanted one by one. Throws `REGISTRY_ARCHIVE` where it is compressed, cut off, or names a member twice, and
 * `FORMATS_TAR_*`.
 */
export function readTarMembers(path: string): TarMembers {
  const fd = openFile(path);
  try {
    refuseCompressed(path, readPiece(fd, { path, offset: 0, length: 6 }));
    return new Members(path, walkHeaders(path, fd));
  } finally {
    closeSync(fd);
  }
}

function refuseCompressed(path: string, first: Uint8Array): void {
  const kind = detectCompression(first);
  if (kind === "none") return;
  const hint = `decompress it first: ${kind} -d`;
  throw new AshlarError(
    "REGISTRY_ARCHIVE",
    `Cannot read archive "${path}": it is compressed by ${kind}, want a plain tar`,
    { hint },
  );
}

interface Member {
  readonly entry: TarEntry;
  readonly offset: number;
}

function* walkHeaders(path: string, fd: number): Generator<Member, void, void> {
  let at = 0;
  for (let count = 0; ; count++) {
    if (count > memberCountMax) throw archiveError(path, `it has more than ${memberCountMax} members`);
    const member = readHeader(path, fd, at);
    if (member === undefined) return;
    yield member;
    at = member.offset + Math.ceil(member.entry.sizeBytes / blockBytes) * blockBytes;
  }
}

/** Reads the headers of one member, extended ones first; undefined at the end mark. */
function readHeader(path: string, fd: number, start: number): Member | undefined {
  const found: TarEntry[] = [];
  const parser = new TarParser({ entry: (entry) => void found.push(entry), data: () => {}, endEntry: () => {} });
  for (let at = start; ; at += blockBytes) {
    const block = readPiece(fd, { path, offset: at, length: blockBytes });
    if (block.length < blockBytes) {
      throw archiveError(
        path,
        `it ends at byte ${at + block.length}, before its end mark`,
      );
    }
    if (at === start && block.every((byte) => byte === 0)) return undefined;
    parser.push(block);
    const entry = found[0];
    if (entry !== undefined) return { entry, offset: at + blockBytes };
  }
}

class Members implements TarMembers {
  readonly #spans = new Map<string, Span>();
  readonly #links = new Map<string, string>();

  constructor(path: string, members: Iterable<Member>) {
    for (const { entry, offset } of members) {
      const name = parseEntryName(entry.name);
      if (name === undefined || entry.type === "dir") continue;
      if (this.#spans.has(name) || this.#links.has(name)) throw archiveError(path, `"${name}" is in it twice`);
      if (entry.type === "file") this.#spans.set(name, { offset, sizeBytes: entry.sizeBytes });
      // `docker save` of old writes a repeated layer as a symlink to the first one.
      if (entry.type === "symlink") this.#links.set(name, posix.join(posix.dirname(name), entry.linkName));
      if (entry.type === "hardlink") this.#links.set(name, posix.normalize(entry.linkName));
    }
  }

  find(name: string): Span | undefined {
    const direct = this.#spans.get(name);
    if (direct !== undefined) return direct;
    // One step only: that is all there is in practice, and chains cannot go round.
    const target = this.#links.get(name);
    return target === undefined ? undefined : this.#spans.get(target);
  }
}

function archiveError(path: string, fault: string): AshlarError {
  return new AshlarError("REGISTRY_ARCHIVE", `Cannot read archive "${path}": ${fault}`);
}
