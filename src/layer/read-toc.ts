// SPDX-License-Identifier: Apache-2.0
import { type Digest, isDigest } from "../base/index.ts";
import { parseTocDocument, tocInvalid, TocFields, verifyFrameSize } from "./toc-fields.ts";

/** Where a file's frame lies in the blob, and what it gives. */
export interface TocFrame {
  /** From the blob's start. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
  /** sha256 of this piece, uncompressed. */
  readonly digest: Digest;
}

export type TocType = "reg" | "dir" | "symlink" | "hardlink" | "char" | "block" | "fifo";

/** One entry of a table of contents; nothing of it is proven before the content or the tar is. */
export interface TocEntry {
  readonly type: TocType;
  /** As in the tar's header, but for bytes that are not UTF-8. */
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly sizeBytes: number;
  readonly major: number;
  readonly minor: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Of regular files that are not empty. */
  readonly content?: Digest;
  readonly frames: readonly TocFrame[];
}

export interface Toc {
  readonly entries: readonly TocEntry[];
  /** Of the compressed tar-split section; absent in old and foreign tables. */
  readonly tarSplitDigest?: Digest;
}

/** The largest table that is read, some 150,000 entries; a layer with a larger one is taken whole. */
export const tocBytesMax = 32 << 20;
const types: ReadonlySet<unknown> = new Set(["reg", "dir", "symlink", "hardlink", "char", "block", "fifo"]);

/**
 * Parses the table of contents of a zstd:chunked layer, version 1 (containers/storage, pkg/chunked). Every frame
 * lies before `dataBytes`, where the table begins, and the frames of a file add up to its size. Throws
 * `LAYER_TOC_INVALID` with the entry's number.
 */
export function parseToc(bytes: Uint8Array, { dataBytes }: { readonly dataBytes: number }): Toc {
  const document = parseTocDocument(bytes);
  const entries = readEntries(document.entries, dataBytes);
  const tarSplitDigest = document.tarSplitDigest;
  if (tarSplitDigest === undefined) return { entries };
  if (typeof tarSplitDigest !== "string" || !isDigest(tarSplitDigest)) throw tocInvalid("tarSplitDigest");
  return { entries, tarSplitDigest };
}

/** Parses the entries of one node of a table, with the comma in front that all but the first have. */
export function parseTocNode(bytes: Uint8Array, { dataBytes }: { readonly dataBytes: number }): readonly TocEntry[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  const list = `{"version":1,"entries":[${text.startsWith(",") ? text.slice(1) : text}]}`;
  return parseToc(Buffer.from(list), { dataBytes }).entries;
}

function readEntries(raw: readonly unknown[], dataBytes: number): TocEntry[] {
  const entries: TocEntry[] = [];
  const names = new Set<string>();
  for (let i = 0; i < raw.length; ) {
    const fields = new TocFields(raw[i], i);
    const start = i++;
    while (i < raw.length && (raw[i] as { type?: unknown } | null)?.type === "chunk") i++;
    const chunks = raw.slice(start + 1, i).map((chunk, k) => new TocFields(chunk, start + 1 + k));
    const entry = entryOf(fields, chunks, dataBytes);
    if (names.has(entry.name)) throw fields.fault("its name stands there twice");
    names.add(entry.name);
    entries.push(entry);
  }
  return entries;
}

function entryOf(fields: TocFields, chunks: readonly TocFields[], dataBytes: number): TocEntry {
  const type = fields.text("type");
  if (!types.has(type)) throw fields.fault("type");
  const sizeBytes = fields.count("size");
  const isFile = type === "reg" && sizeBytes > 0;
  if (!isFile && (chunks.length > 0 || sizeBytes > 0)) throw fields.fault("only files have data");
  const xattrs = fields.texts("xattrs");
  const entry: TocEntry = {
    type: type as TocType,
    name: fields.text("name"),
    linkName: fields.text("linkName"),
    mode: fields.count("mode") & 0o7777,
    uid: fields.count("uid"),
    gid: fields.count("gid"),
    mtimeSeconds: fields.seconds("modtime"),
    sizeBytes,
    major: fields.count("devMajor"),
    minor: fields.count("devMinor"),
    ...(xattrs === undefined ? {} : { xattrs }),
    frames: isFile ? framesOf(fields, chunks, { sizeBytes, dataBytes }) : [],
  };
  return isFile ? { ...entry, content: fields.digest("digest") } : entry;
}

interface Bounds {
  readonly sizeBytes: number;
  readonly dataBytes: number;
}

function framesOf(fields: TocFields, chunks: readonly TocFields[], { sizeBytes, dataBytes }: Bounds): TocFrame[] {
  const all = [fields, ...chunks];
  const end = fields.count("endOffset");
  let rawAt = 0;
  const frames = all.map((chunk, i): TocFrame => {
    const offset = chunk.count("offset");
    const stored = (all[i + 1]?.count("offset") ?? end) - offset;
    if (stored <= 0 || offset + stored > dataBytes) throw chunk.fault("it lies outside the data");
    if (i > 0 && chunk.count("chunkOffset") !== rawAt) throw chunk.fault("chunkOffset");
    const rawBytes = chunk.count("chunkSize") || sizeBytes - rawAt;
    rawAt += rawBytes;
    if (rawBytes <= 0 || rawAt > sizeBytes) throw chunk.fault("chunkSize");
    verifyFrameSize(chunk, Math.max(rawBytes, stored));
    const digest = chunks.length === 0 ? fields.digest("digest") : chunk.digest("chunkDigest");
    return { offset, storedBytes: stored, rawBytes, digest };
  });
  if (rawAt !== sizeBytes) throw fields.fault("its chunks do not add up to its size");
  return frames;
}
