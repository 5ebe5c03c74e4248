// SPDX-License-Identifier: Apache-2.0
import { constants, zstdCompressSync } from "node:zlib";

import { pathToBytes } from "../../src/base/index.ts";
import { type Compressor, encodeTree, type Entry } from "../../src/formats/index.ts";
import type { MeasuredImage, PlacedEntry } from "./read-image.ts";

/** How the entries of a node are written. */
export interface NodeForm {
  readonly text: "json" | "binary";
  /** With what a client needs to find missing contents: gap and stored size of each content. */
  readonly places: boolean;
  /** A dictionary that every client has, or none. */
  readonly dictionary?: Buffer | undefined;
}

const sha256Bytes = 32;
const header = '{"ashlar":"tree/v1"}\n';

/** Bytes that a node takes in a pack. */
export function nodeBytes(entries: readonly PlacedEntry[], form: NodeForm, compressor: Compressor): number {
  const { packed, plain } = encodeNode(entries, form);
  if (form.dictionary === undefined) return compressor.compress(packed).length + plain;
  const params = { [constants.ZSTD_c_compressionLevel]: 3 };
  return zstdCompressSync(packed, { params, dictionary: form.dictionary }).length + plain;
}

/** What is compressed of a node, and how many bytes stand beside it as they are (digests). */
export function encodeNode(
  entries: readonly PlacedEntry[],
  form: NodeForm,
): { readonly packed: Buffer; readonly plain: number } {
  return form.text === "json" ? encodeJson(entries, form.places) : encodeBinary(entries, form.places);
}

function encodeJson(entries: readonly PlacedEntry[], places: boolean): { packed: Buffer; plain: number } {
  const lines = Buffer.from(encodeTree(entries.map(({ entry }) => entry)))
    .toString("utf8")
    .slice(header.length)
    .split("\n");
  const all = entries.map(({ gapBytes, storedBytes }, i) => {
    const line = lines[i] as string;
    return places && storedBytes > 0 ? `${line.slice(0, -1)},"z":[${gapBytes},${storedBytes}]}` : line;
  });
  return { packed: Buffer.from(`${all.join("\n")}\n`), plain: 0 };
}

/** Column by column: paths front-coded, kind and metadata, sizes, targets; digests stand beside, uncompressed. */
function encodeBinary(entries: readonly PlacedEntry[], places: boolean): { packed: Buffer; plain: number } {
  const [paths, meta, sizes, stored, gaps]: number[][] = [[], [], [], [], []];
  const columns = { paths, meta, sizes, stored, gaps } as Record<string, number[]>;
  let before: Uint8Array = Buffer.alloc(0);
  let plain = 0;
  for (const { entry, gapBytes, storedBytes } of entries) {
    before = frontCode(columns["paths"] as number[], before, pathToBytes(entry.path));
    pushMeta(columns["meta"] as number[], entry);
    if ("target" in entry) pushText(columns["meta"] as number[], entry.target);
    if (entry.type !== "file") continue;
    pushVarint(columns["sizes"] as number[], entry.sizeBytes);
    if (entry.sizeBytes > 0) plain += sha256Bytes;
    if (!places || entry.sizeBytes === 0) continue;
    pushVarint(columns["stored"] as number[], storedBytes);
    pushVarint(columns["gaps"] as number[], gapBytes);
  }
  return { packed: Buffer.from(Object.values(columns).flat()), plain };
}

function frontCode(out: number[], before: Uint8Array, path: Uint8Array): Uint8Array {
  let shared = 0;
  while (shared < before.length && shared < path.length && before[shared] === path[shared]) shared++;
  pushVarint(out, shared);
  pushVarint(out, path.length - shared);
  for (const byte of path.subarray(shared)) out.push(byte);
  return path;
}

const kinds = ["file", "dir", "symlink", "hardlink", "char", "block", "fifo"];

function pushMeta(out: number[], entry: Entry): void {
  out.push(kinds.indexOf(entry.type));
  pushVarint(out, entry.mode);
  pushVarint(out, entry.uid);
  pushVarint(out, entry.gid);
  pushVarint(out, entry.mtimeSeconds);
  if (entry.xattrs !== undefined) pushText(out, JSON.stringify(entry.xattrs));
}

function pushText(out: number[], text: string): void {
  const bytes = Buffer.from(text);
  pushVarint(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}

function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

/** Length of a number in a root. */
export function varintBytes(value: number): number {
  return value < 0x80 ? 1 : 1 + varintBytes(Math.floor(value / 0x80));
}

const dictionaryBytes = 32 << 10;

/** A dictionary of sampled nodes of the lowest layer of an image. */
export function makeDictionary(image: MeasuredImage, text: NodeForm["text"]): Buffer {
  const parts = image.layers[0]?.parts ?? [];
  const samples = parts.flatMap((part) => {
    const { packed } = encodeNode(part.slice(0, 24), { text, places: true });
    return [packed];
  });
  return Buffer.concat(samples).subarray(0, dictionaryBytes);
}
