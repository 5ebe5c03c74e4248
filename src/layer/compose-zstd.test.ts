// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { zstdDecompressSync } from "node:zlib";

import { type Digest, digestOf, parsePath } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { type ContentInfo, inPack, memoryStore, type PackWriter } from "../store/index.ts";
import { type ComposedBlob, composeZstd } from "./compose-zstd.ts";
import { firstDifference } from "./first-difference.ts";
import { MemorySource, sampleParts } from "./testing/memory-source.ts";
import { writeGzip } from "./write-gzip.ts";
import { writeTar } from "./write-tar.ts";

function collect<R>(pieces: Generator<Uint8Array, R, void>): { bytes: Buffer; result: R } {
  const parts: Buffer[] = [];
  let next = pieces.next();
  for (; next.done !== true; next = pieces.next()) parts.push(Buffer.from(next.value));
  return { bytes: Buffer.concat(parts), result: next.value };
}

const compressor = await loadCompressor();
const source = new MemorySource(compressor);
const parts = sampleParts(source);
const tar = collect(writeTar(parts, source));
const chunked = collect(composeZstd(parts, { source, compressor, chunked: true }));

interface Toc {
  readonly version: number;
  readonly tarSplitDigest: string;
  readonly entries: readonly (Record<string, unknown> & { readonly type: string; readonly name: string })[];
}

/** The payload that an annotation `offset:compressed:raw...` names. */
function section(blob: Buffer, position: string): { stored: Buffer; raw: Buffer } {
  const [offset, length, rawLength] = position.split(":").map(Number) as [number, number, number];
  const stored = blob.subarray(offset, offset + length);
  const out = spawnSync("zstd", ["-dc"], { input: stored, maxBuffer: 1 << 28 });
  assert.equal(out.status, 0, String(out.stderr));
  const raw = out.stdout;
  assert.equal(raw.length, rawLength);
  return { stored, raw };
}

function tocOf({ bytes, result }: { bytes: Buffer; result: ComposedBlob }): Toc {
  const position = result.annotations["io.github.containers.zstd-chunked.manifest-position"] as string;
  const { stored, raw } = section(bytes, position);
  assert.equal(digestOf(stored), result.annotations["io.github.containers.zstd-chunked.manifest-checksum"]);
  return JSON.parse(raw.toString("utf8")) as Toc;
}

test("writeTar makes an archive that GNU tar lists as the parts say", () => {
  const list = spawnSync("tar", ["-tvf", "-", "--numeric-owner", "--utc"], {
    input: tar.bytes,
    env: { LC_ALL: "C.UTF-8" },
  });
  assert.equal(list.status, 0, String(list.stderr));
  const lines = String(list.stdout).trimEnd().split("\n");
  assert.equal(lines.length, 10);
  assert.match(lines[0] as string, /^drwxrwxrwt 0\/0 +0 1970-01-01 00:00 tmp\/$/);
  assert.ok(
    lines.some((line) => /^-rwsr-xr-x 1000\/3000000 +6 .* usr\/hello$/.test(line)),
    lines.join("\n"),
  );
  assert.ok(lines.some((line) => / usr\/zhard link to usr\/hello$/.test(line)));
  assert.ok(lines.some((line) => / usr\/link -> \.\.\/etc\/x$/.test(line)));
});

test("composeZstd makes frames that decompress to the tar, chunked and plain", () => {
  assert.equal(chunked.result.digest, digestOf(chunked.bytes));
  const plain = collect(composeZstd(parts, { source, compressor, chunked: false }));
  for (const { bytes } of [chunked, plain]) {
    const out = spawnSync("zstd", ["-dc"], { input: bytes, maxBuffer: 1 << 28 });
    assert.equal(out.status, 0, String(out.stderr));
    assert.equal(digestOf(out.stdout), tar.result.diffId);
  }
  assert.ok(
    chunked.bytes.subarray(0, plain.bytes.length).equals(plain.bytes),
    "the tables only follow the data",
  );
});

test("composeZstd writes a table of contents whose offsets give every file", () => {
  const toc = tocOf(chunked);
  assert.equal(toc.version, 1);
  const files = toc.entries.filter((entry) => entry.type === "reg" && entry["size"] !== undefined);
  assert.equal(files.length, 5);
  for (const file of files) {
    const stored = chunked.bytes.subarray(file["offset"] as number, file["endOffset"] as number);
    const raw = spawnSync("zstd", ["-dc"], { input: stored, maxBuffer: 1 << 28 }).stdout;
    assert.equal(digestOf(raw), file["digest"], file.name);
  }
  const chunks = toc.entries.filter((entry) => entry.type === "chunk");
  assert.equal(chunks.length, 2);
  for (const chunk of chunks) {
    const end = chunks.find((other) => (other["offset"] as number) > (chunk["offset"] as number))?.["offset"];
    const large = files.find((file) => file.name === "usr/large");
    const stored = chunked.bytes.subarray(chunk["offset"] as number, (end ?? large?.["endOffset"]) as number);
    assert.equal(digestOf(zstdDecompressSync(stored)), chunk["chunkDigest"]);
  }
});

test("composeZstd writes a tar-split from which the archive can be made again", () => {
  const toc = tocOf(chunked);
  const position = chunked.result.annotations[
    "io.github.containers.zstd-chunked.tarsplit-position"
  ] as string;
  const { stored, raw } = section(chunked.bytes, position);
  assert.equal(digestOf(stored), toc.tarSplitDigest);
  const whole = toc.entries.filter((entry) => entry.type !== "chunk");
  const contents = new Map(whole.map((entry) => [entry.name, entry["digest"] as string | undefined]));
  const pieces = raw
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line, position_) => {
      const item = JSON.parse(line) as {
        type: number;
        name: string;
        payload: string | null;
        size?: number;
        position: number;
      };
      assert.equal(item.position, position_);
      if (item.type === 2) return Buffer.from(item.payload as string, "base64");
      if (item.size === undefined) return Buffer.alloc(0);
      return Buffer.concat([...source.stream(contents.get(item.name) as ReturnType<typeof digestOf>)]);
    });
  assert.equal(digestOf(Buffer.concat(pieces)), tar.result.diffId);
});

/** The same contents as others compressed them, given out in pieces of an odd size. */
class ForeignSource extends MemorySource {
  given = 0;

  override infos(digests: Iterable<Digest>): Map<Digest, ContentInfo> {
    const infos = [...source.infos(digests)];
    return new Map(infos.map(([digest, info]) => [digest, { ...info, compressor: "somebody's", frames: [] }]));
  }

  override streamFrames(): never {
    assert.fail("frames of others are not to be copied");
  }

  override *stream(digest: Digest): Iterable<Uint8Array> {
    for (const piece of source.stream(digest)) {
      for (let at = 0; at < piece.length; at += 999_983) {
        const part = piece.subarray(at, at + 999_983);
        this.given += part.length;
        yield part;
      }
    }
  }
}

test("composeZstd makes the same blob of frames that others made, one frame in memory at a time", () => {
  const foreign = new ForeignSource(compressor);
  const pieces = composeZstd(parts, { source: foreign, compressor, chunked: true });
  const whole = collect(pieces);
  assert.deepEqual(whole.result, chunked.result);
  assert.ok(whole.bytes.equals(chunked.bytes));
  foreign.given = 0;
  let raw = 0;
  for (const piece of composeZstd(parts, { source: foreign, compressor, chunked: false })) {
    raw += zstdDecompressSync(piece).length;
    assert.ok(foreign.given - raw <= 999_983, `${foreign.given} bytes read for ${raw} written`);
  }
});

test("composeZstd ends in the 64 bytes of the footer", () => {
  const footer = chunked.bytes.subarray(-64);
  assert.equal(footer.subarray(56).toString("latin1"), "GNUlInUx");
  const position = (
    chunked.result.annotations["io.github.containers.zstd-chunked.manifest-position"] as string
  ).split(":");
  assert.equal(String(footer.readBigUInt64LE(0)), position[0]);
});

test("composeZstd gives one blob whether the store has a file whole or as others joined", () => {
  const pieces = [Buffer.from("a tree's text, "), Buffer.from("of which the store has "), Buffer.from("pieces")];
  const whole = Buffer.concat(pieces);
  const entry = { type: "file", path: parsePath("f"), mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 } as const;
  const block = [{ ...entry, sizeBytes: whole.length, content: digestOf(whole) }];
  const blobs = [(pack: PackWriter) => pack.put(whole), (pack: PackWriter) => pack.putJoined(pieces)].map((put) => {
    const store = memoryStore({ compressor });
    inPack(store, put);
    const layer = { directories: [], blocks: [block] };
    return collect(composeZstd(layer, { source: store, compressor, chunked: true })).result;
  });
  assert.deepEqual(blobs[1], blobs[0]);
});

test("writeGzip makes one member that gzip reads, with nothing of the machine in its header", () => {
  const { bytes } = collect(writeGzip(parts, source));
  assert.deepEqual([...bytes.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const out = spawnSync("gzip", ["-dc"], { input: bytes, maxBuffer: 1 << 28 });
  assert.equal(digestOf(out.stdout), tar.result.diffId);
});

test("firstDifference names the path and the byte of the payload", () => {
  const other = new MemorySource(compressor);
  const changed = sampleParts(other);
  const content = other.add(Buffer.from("hellO\n"));
  const blocks = changed.blocks.map((block) =>
    block.map((entry) => (entry.path === "usr/hello" ? { ...entry, content } : entry)),
  );
  const read = (from: MemorySource) => (digest: ReturnType<typeof digestOf>) =>
    Buffer.concat([...from.stream(digest)]);
  const a = { parts, read: read(source) };
  const found = firstDifference(a, {
    parts: { ...changed, blocks: blocks as typeof changed.blocks },
    read: read(other),
  });
  assert.equal(found?.path, "usr/hello");
  assert.equal(found?.inContent, true);
  assert.equal(found?.offset, 4);
  assert.equal(firstDifference(a, a), undefined);
});
