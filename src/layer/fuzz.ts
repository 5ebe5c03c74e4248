// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

import { digestOf, isAshlarError, parsePath } from "../base/index.ts";
import { type Compressor, encodeTarHeader, type Entry, plainFrame, tarEnd, tarPadding } from "../formats/index.ts";
import { parseEstargzFooter } from "./estargz-footer.ts";
import { estargzTocName, parseEstargzToc } from "./estargz-toc.ts";
import { encodeLayerIndex, parseLayerIndex } from "./layer-index.ts";
import { LayerTarParser } from "./layer-tar-parser.ts";
import { parseToc, parseTocNode } from "./read-toc.ts";
import { parseRecipe, RecipeWriter } from "./tar-recipe.ts";
import { TocWriter } from "./toc.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 5 };
const plain: Compressor = { id: "plain", compress: plainFrame };
/** Raw text of tables, which the writer only gives compressed. */
const texts: Uint8Array[] = [];
const recording: Compressor = { id: "plain", compress: (raw) => (texts.push(Uint8Array.from(raw)), plainFrame(raw)) };

function writeToc(compressor: Compressor): ReturnType<TocWriter["finish"]> {
  const toc = new TocWriter(compressor);
  toc.entry({ ...meta, type: "dir", path: parsePath("usr") });
  toc.endPart();
  const content = digestOf("a");
  toc.entry({ ...meta, type: "file", path: parsePath("usr/a"), sizeBytes: 9, content, xattrs: { "user.a": "AAEC" } });
  const frame = (text: string, rawBytes: number): object => ({ digest: digestOf(text), rawBytes, storedBytes: 20 });
  toc.frames(content, [frame("a", 5), frame("b", 4)] as Parameters<TocWriter["frames"]>[1], 100);
  toc.entry({ ...meta, type: "symlink", path: parsePath("usr/b"), target: "../x" });
  toc.entry({ ...meta, type: "char", path: parsePath("usr/c"), major: 1, minor: 3 });
  return toc.finish(digestOf("tar-split"));
}

/** The whole table, and its nodes. */
function tocTexts(): Uint8Array[] {
  texts.length = 0;
  writeToc(recording);
  const [first, second, head, tail] = texts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return [Buffer.concat([head, first, second, tail]), first, second];
}

function recipe(): Uint8Array {
  const pieces: Uint8Array[] = [];
  const writer = new RecipeWriter((bytes) => void pieces.push(Uint8Array.from(bytes)));
  writer.raw(Buffer.alloc(512));
  writer.content(digestOf("a"));
  writer.raw(Buffer.from("end"));
  return Buffer.concat(pieces);
}

/** What a recipe says, whatever pieces it comes in; ends in the fault where there is one. */
function partsOf(pieces: Iterable<Uint8Array>): string {
  let text = "";
  try {
    for (const { raw, content } of parseRecipe(pieces)) text += content ?? Buffer.from(raw).toString("hex");
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    text += error.message;
  }
  return text;
}

function estargzToc(): Uint8Array {
  const [a, b, c] = ["a", "b", "c"].map((text) => digestOf(text));
  const entries = [
    { type: "dir", name: "usr/", mode: 493, userName: "root", groupName: "root", modtime: "2026-01-02T03:04:05Z" },
    { type: "reg", name: "usr/a", size: 5, offset: 100, digest: a, chunkDigest: a, xattrs: { "user.a": "AAEC" } },
    { type: "reg", name: "usr/b", size: 9, offset: 200, chunkSize: 5, chunkDigest: b, digest: c },
    { type: "chunk", name: "usr/b", offset: 300, chunkOffset: 5, chunkDigest: b },
    { type: "char", name: "usr/c", devMajor: 1, devMinor: 3 },
  ];
  return Buffer.from(JSON.stringify({ version: 1, entries }));
}

const estargzFooter = Buffer.from(
  `1f8b08040000000000ff1a0053471600${Buffer.from("00000000000012abSTARGZ").toString("hex")}010000ffff${"00".repeat(8)}`,
  "hex",
);

/** A tar that was wrapped as a whole, with the table of contents behind its end mark. */
function wrappedTar(): Uint8Array {
  const file = (name: string, text: string): Uint8Array[] => {
    const content = { sizeBytes: text.length, content: digestOf(text) };
    const entry: Entry = { ...meta, type: "file", path: parsePath(name), ...content };
    return [encodeTarHeader(entry), Buffer.from(text), tarPadding(text.length), tarEnd];
  };
  return Buffer.concat([...file("usr", "some text"), ...file(estargzTocName, "{}")]);
}

function readLayerTar(bytes: Uint8Array): void {
  const parser = new LayerTarParser({ entry: () => {}, data: () => {}, endEntry: () => {} });
  parser.push(bytes);
  parser.finish();
}

/** Parsers of this folder, for the mutation suite. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  { name: "toc", seeds: () => tocTexts().slice(0, 1), run: (bytes) => void parseToc(bytes, { dataBytes: 1000 }) },
  { name: "toc node", seeds: () => tocTexts().slice(1), run: (bytes) => void parseTocNode(bytes, { dataBytes: 1000 }) },
  {
    name: "estargz toc",
    seeds: () => [estargzToc()],
    run: (bytes) => void parseEstargzToc(bytes, { dataBytes: 1000 }),
  },
  { name: "estargz footer", seeds: () => [estargzFooter], run: (bytes) => void parseEstargzFooter(bytes) },
  { name: "layer tar", seeds: () => [wrappedTar()], run: readLayerTar },
  {
    name: "layer index",
    seeds: () => [Buffer.from(encodeLayerIndex(writeToc(plain).index), "base64")],
    run: (bytes) => void parseLayerIndex(Buffer.from(bytes).toString("base64")),
  },
  {
    name: "tar recipe",
    seeds: () => [recipe()],
    run: (bytes) => {
      const whole = partsOf([bytes]);
      assert.equal(partsOf(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))), whole);
      for (const _ of parseRecipe([bytes]));
    },
  },
];
