// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { estargzFooterBytes, parseEstargzFooter } from "./estargz-footer.ts";
import { parseEstargzToc } from "./estargz-toc.ts";

const [a, b, c] = ["a", "b", "c"].map((text) => digestOf(text));
const dir = { type: "dir", name: "usr/", mode: 0o40755, userName: "root", groupName: "wheel" };
const file = { type: "reg", name: "usr/a", size: 5, mode: 0o100644, offset: 100, digest: a, chunkDigest: a };
const large = { ...file, name: "usr/b", size: 25, offset: 200, chunkSize: 10, chunkDigest: b, digest: c };
const chunks = [
  { type: "chunk", name: "usr/b", offset: 300, chunkOffset: 10, chunkSize: 10, chunkDigest: b },
  { type: "chunk", name: "usr/b", offset: 400, chunkOffset: 20, chunkDigest: a },
];
const owner = { uid: 7, userName: "seven" };
const link = { type: "symlink", name: "usr/c", linkName: "a", ...owner, modtime: "2026-01-02T03:04:05Z" };

function parse(...entries: object[]): ReturnType<typeof parseEstargzToc> {
  return parseEstargzToc(Buffer.from(JSON.stringify({ version: 1, entries })), { dataBytes: 500 });
}

test("parseEstargzToc tells where each chunk's member lies, and keeps the mode as the header has it", () => {
  const [first, second, third, fourth] = parse(dir, file, large, ...chunks, link);
  assert.deepEqual([first?.type, first?.mode, first?.frames], ["dir", 0o40755, []]);
  assert.deepEqual(second?.frames, [{ offset: 100, storedBytes: 100, rawBytes: 5, digest: a }]);
  assert.equal(second.content, a);
  assert.equal(third?.content, c);
  assert.deepEqual(
    third?.frames.map(({ offset, storedBytes, rawBytes, digest }) => [offset, storedBytes, rawBytes, digest]),
    [[200, 100, 10, b], [300, 100, 10, b], [400, 100, 5, a]],
  );
  assert.deepEqual([fourth?.linkName, fourth?.mtimeSeconds, fourth?.content], ["a", 1767323045, undefined]);
});

test("parseEstargzToc carries owners' names on, but not to landmarks", () => {
  const landmark = { ...file, name: ".prefetch.landmark", offset: 50 };
  const names = parse(dir, landmark, file, link, { ...link, name: "d", userName: "" }, { ...dir, name: "e", gid: 1 });
  assert.deepEqual(
    names.map(({ userName, groupName }) => `${userName}:${groupName}`),
    ["root:wheel", ":", "root:wheel", "seven:wheel", "seven:wheel", "root:wheel"],
  );
  assert.equal(parse({ ...dir, userName: undefined, groupName: "" })[0]?.userName, "");
});

test("parseEstargzToc takes the chunk's digest for that of a file which has no other", () => {
  assert.equal(parse({ ...file, digest: undefined })[0]?.content, a);
  assert.equal(parse({ ...file, size: 0, offset: undefined, chunkDigest: undefined })[0]?.content, undefined);
});

const refused: readonly [string, string, readonly object[]][] = [
  ["LAYER_TOC_INVALID", "an unknown type", [{ ...dir, type: "door" }]],
  ["LAYER_TOC_INVALID", "a chunk of no file", chunks],
  ["LAYER_TOC_INVALID", "a chunk of another file", [{ ...large, name: "x" }, ...chunks]],
  ["LAYER_TOC_INVALID", "a chunk of an empty file", [{ ...large, size: 0 }, ...chunks]],
  ["LAYER_TOC_INVALID", "a missing chunk", [large, chunks[0] as object]],
  ["LAYER_TOC_INVALID", "a chunk too much", [large, ...chunks, { ...chunks[1], chunkOffset: 25, offset: 450 }]],
  ["LAYER_TOC_INVALID", "a frame that no memory holds", [{ ...file, size: 2 ** 33 }]],
  ["LAYER_TOC_INVALID", "chunks in another order", [large, ...[...chunks].reverse()]],
  ["LAYER_TOC_INVALID", "files in another order", [large, ...chunks, file]],
  ["LAYER_TOC_INVALID", "two files at one place", [file, { ...file, name: "y" }]],
  ["LAYER_TOC_INVALID", "a file at the blob's start", [{ ...file, offset: 0 }]],
  ["LAYER_TOC_INVALID", "a file behind the data", [{ ...file, offset: 500 }]],
  ["LAYER_TOC_INVALID", "two digests of one file", [{ ...file, chunkDigest: b }]],
  ["LAYER_TOC_INVALID", "no digest", [{ ...file, digest: undefined, chunkDigest: undefined }]],
  ["LAYER_TOC_INVALID", "no digest of a large file", [{ ...large, digest: undefined }, ...chunks]],
  ["LAYER_TOC_INVALID", "a directory with data", [{ ...dir, size: 3 }]],
  ["LAYER_TOC_INVALID", "no name", [{ ...dir, name: "" }]],
  ["LAYER_TOC_INVALID", "a NUL in a name", [{ ...link, linkName: "a\0b" }]],
  ["LAYER_TOC_INVALID", "a negative number", [{ ...dir, uid: -1 }]],
  ["LAYER_TOC_INVALID", "a broken number", [{ ...dir, mode: 1.5 }]],
  ["LAYER_TOC_INVALID", "no time", [{ ...dir, modtime: "yesterday" }]],
  ["LAYER_TOC_UNSUPPORTED", "files that share a member", [{ ...file, innerOffset: 1 }]],
  ["LAYER_TOC_UNSUPPORTED", "a name that was not UTF-8", [{ ...dir, name: "a\uFFFD" }]],
];

for (const [code, what, entries] of refused) {
  test(`parseEstargzToc refuses ${what}`, () => {
    assert.throws(() => parse(...entries), (error) => isAshlarError(error, code));
  });
}

function footer(offset: string): Buffer {
  const head = Buffer.from("1f8b08040000000000ff1a0053471600", "hex");
  return Buffer.concat([head, Buffer.from(`${offset}STARGZ`), Buffer.from("010000ffff", "hex"), Buffer.alloc(8)]);
}

test("parseEstargzFooter reads the offset", () => {
  assert.equal(footer("0".repeat(16)).length, estargzFooterBytes);
  assert.equal(parseEstargzFooter(footer("00000000000012ab")), 0x12ab);
});

test("parseEstargzFooter refuses what is no footer", () => {
  const good = footer("00000000000012ab");
  const changed = (at: number): Buffer => Buffer.from(good.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const external = Buffer.from(good.toString("latin1").replace("STARGZ", "STARGX"), "latin1");
  const bad = [good.subarray(1), Buffer.alloc(0), Buffer.concat([good, good]), external, footer("00000000000zzzzz")];
  for (const bytes of [...bad, footer("ffffffffffffffff"), ...[0, 3, 10, 12, 14, 36].map(changed)]) {
    assert.throws(() => parseEstargzFooter(bytes), (error) => isAshlarError(error, "LAYER_FOOTER_INVALID"));
  }
});
