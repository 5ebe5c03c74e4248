// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, limits, parsePath } from "../../base/index.ts";
import {
  type Compressor,
  crc64,
  crc64Hex,
  type Entry,
  type FileEntry,
  makeTree,
  type Meta,
} from "../../formats/index.ts";
import type { ContentInfo, FrameInfo } from "../../store/index.ts";
import type { ContentSource } from "../content-source.ts";
import { type LayerParts, splitDirectories } from "../tar-walk.ts";

interface Kept {
  readonly info: ContentInfo;
  readonly raw: Uint8Array;
  readonly stored: Uint8Array;
}

/** A content source for tests: everything in memory, frames as the store would make them. */
export class MemorySource implements ContentSource {
  readonly #compressor: Compressor;
  readonly #kept = new Map<Digest, Kept>();

  constructor(compressor: Compressor) {
    this.#compressor = compressor;
  }

  add(raw: Uint8Array): Digest {
    const digest = digestOf(raw);
    const frames: FrameInfo[] = [];
    const stored: Uint8Array[] = [];
    for (let at = 0; at < raw.length; at += limits.frameBytesMax) {
      const piece = raw.subarray(at, at + limits.frameBytesMax);
      const frame = Buffer.from(this.#compressor.compress(piece));
      frames.push({ digest: digestOf(piece), rawBytes: piece.length, storedBytes: frame.length });
      stored.push(frame);
    }
    const { id: compressor } = this.#compressor;
    const info = { digest, sizeBytes: raw.length, crc64: crc64Hex(crc64(raw)), frames, compressor };
    this.#kept.set(digest, { info, raw, stored: Buffer.concat(stored) });
    return digest;
  }

  infos(digests: Iterable<Digest>): Map<Digest, ContentInfo> {
    return new Map([...digests].map((digest) => [digest, this.#get(digest).info]));
  }

  *streamFrames(digest: Digest): Iterable<Uint8Array> {
    yield this.#get(digest).stored;
  }

  *stream(digest: Digest): Iterable<Uint8Array> {
    yield this.#get(digest).raw;
  }

  #get(digest: Digest): Kept {
    const kept = this.#kept.get(digest);
    if (kept === undefined) throw new Error(`not in the test's source: ${digest}`);
    return kept;
  }
}

const meta: Meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

/** Parts with an entry of every kind, a file in several frames, and a name that is not ASCII. */
export function sampleParts(source: MemorySource): LayerParts {
  const file = (path: string, raw: Uint8Array, more: Partial<Meta> = {}): FileEntry => {
    const content = source.add(raw);
    return { ...meta, ...more, type: "file", path: parsePath(path), content, sizeBytes: raw.length };
  };
  const large = Buffer.alloc(limits.frameBytesMax * 2 + 12345);
  for (let i = 0; i < large.length; i++) large[i] = (i * 2654435761) >>> 13;
  const entries: Entry[] = [
    { ...meta, mode: 0o755, type: "dir", path: parsePath("usr") },
    { ...meta, mode: 0o1777, type: "dir", path: parsePath("tmp") },
    file("usr/empty", Buffer.alloc(0)),
    file("usr/hello", Buffer.from("hello\n"), { mode: 0o4755, uid: 1000, gid: 3_000_000 }),
    file(`usr/${"long".repeat(40)}`, Buffer.from("a long name")),
    file("usr/Főtanúsítvány", Buffer.from("not ASCII"), { mtimeSeconds: 1_700_000_000 }),
    file("usr/large", large),
    { ...meta, mode: 0o777, type: "symlink", path: parsePath("usr/link"), target: "../etc/x" },
    {
      ...meta,
      mode: 0o4755,
      uid: 1000,
      gid: 3_000_000,
      type: "hardlink",
      path: parsePath("usr/zhard"),
      target: parsePath("usr/hello"),
    },
  ];
  const { directories, rest } = splitDirectories(makeTree(entries));
  return { directories, blocks: [rest, makeTree([file("second", Buffer.from("block"))])] };
}
