// SPDX-License-Identifier: Apache-2.0
import { type Digest, digestOf, pathToBytes } from "../base/index.ts";
import { type Compressor, cutNodes, encodeTree, type Entry, tarNameOf } from "../formats/index.ts";
import type { FrameInfo } from "../store/index.ts";
import { type IndexNode, type IndexPart, type LayerIndex, prefixOf } from "./layer-index.ts";

const kinds = {
  file: "reg",
  dir: "dir",
  symlink: "symlink",
  hardlink: "hardlink",
  char: "char",
  block: "block",
  fifo: "fifo",
} as const;

/** A finished table: its bytes as they lie in the blob, and what of it describes what. */
export interface WrittenToc {
  /** Several zstd frames that together are one JSON document. */
  readonly stored: Uint8Array;
  readonly rawBytes: number;
  readonly index: LayerIndex;
}

/**
 * Collects the table of contents of a zstd:chunked layer, version 1: one JSON entry for each tar entry, and
 * one more of type "chunk" for each frame after the first of a large file. Offsets count compressed bytes
 * from the start of the blob. (containers/storage, docs of `pkg/chunked`) Each node of a part is compressed by
 * itself, so that it can be had without the others; readers of the whole see no difference.
 */
export class TocWriter {
  readonly #compressor: Compressor;
  /** Texts of the entries of the open part, by entry. */
  #texts: string[][] = [];
  #entries: Entry[] = [];
  #open: { readonly fields: Record<string, unknown>; readonly entry: Entry } | undefined;
  readonly #parts: IndexPart[] = [];
  readonly #frames: Uint8Array[] = [];
  #hasDirectories = false;
  #rawBytes = 0;

  constructor(compressor: Compressor) {
    this.#compressor = compressor;
  }

  /** Starts the entry; a file that is not empty gets its frames by `frames` before the next one starts. */
  entry(entry: Entry): void {
    this.#flush();
    this.#open = { entry, fields: fieldsOf(entry) };
    this.#entries.push(entry);
    this.#texts.push([]);
  }

  /** Places the frames of the open file from `offset` on. */
  frames(content: Digest, frames: readonly FrameInfo[], offset: number): void {
    const open = this.#open;
    if (open === undefined) throw new Error("internal error: frames without an entry");
    open.fields["digest"] = content;
    open.fields["offset"] = offset;
    open.fields["endOffset"] = offset + frames.reduce((sum, frame) => sum + frame.storedBytes, 0);
    if (frames.length > 1) this.#chunks(open.fields, frames, offset);
  }

  #chunks(fields: Record<string, unknown>, frames: readonly FrameInfo[], start: number): void {
    const chunks: Record<string, unknown>[] = [];
    let offset = start;
    let chunkOffset = 0;
    for (const frame of frames) {
      chunks.push({ offset, chunkSize: frame.rawBytes, chunkOffset, chunkDigest: frame.digest });
      offset += frame.storedBytes;
      chunkOffset += frame.rawBytes;
    }
    const { chunkSize, chunkDigest } = chunks[0] as Record<string, unknown>;
    Object.assign(fields, { chunkSize, chunkDigest });
    this.#flush();
    for (const chunk of chunks.slice(1)) {
      this.#texts.at(-1)?.push(JSON.stringify({ type: "chunk", name: fields["name"], ...chunk }));
    }
  }

  #flush(): void {
    if (this.#open !== undefined) this.#texts.at(-1)?.push(JSON.stringify(this.#open.fields));
    this.#open = undefined;
  }

  /** Ends a part of the layer: its directories, or a block. */
  endPart(): void {
    this.#flush();
    if (this.#entries.length === 0) return;
    if (this.#parts.length === 0) this.#hasDirectories = this.#entries[0]?.type === "dir";
    const nodes: IndexNode[] = [];
    let at = 0;
    for (const node of cutNodes(this.#entries)) {
      const text = this.#texts.slice(at, at + node.length).flat().join(",\n");
      at += node.length;
      const isFirst = this.#frames.length === 0;
      const prefix = prefixOf(digestOf(encodeTree(node)));
      nodes.push({ prefix, storedBytes: this.#frame(isFirst ? text : `,\n${text}`) });
    }
    const whole = nodes.length === 1 ? nodes[0]?.prefix : undefined;
    this.#parts.push({ prefix: whole ?? prefixOf(digestOf(encodeTree(this.#entries))), nodes });
    [this.#entries, this.#texts] = [[], []];
  }

  #frame(text: string): number {
    const raw = Buffer.from(text, "utf8");
    this.#rawBytes += raw.length;
    const frame = this.#compressor.compress(raw);
    this.#frames.push(frame);
    return frame.length;
  }

  /** The whole document. */
  finish(tarSplitDigest: Digest): WrittenToc {
    this.endPart();
    const nodes = this.#frames.splice(0);
    const headBytes = this.#frame('{"version":1,"entries":[');
    const head = this.#frames.splice(0);
    this.#frame(`],"tarSplitDigest":"${tarSplitDigest}"}`);
    const index = { hasDirectories: this.#hasDirectories, headBytes, parts: this.#parts };
    return { stored: Buffer.concat([...head, ...nodes, ...this.#frames]), rawBytes: this.#rawBytes, index };
  }
}

/** The fields of the tar header; those that are zero or empty are left out, as the readers expect. */
function fieldsOf(entry: Entry): Record<string, unknown> {
  const fields: Record<string, unknown> = { type: kinds[entry.type], name: wellFormed(tarNameOf(entry)) };
  if (entry.type === "symlink" || entry.type === "hardlink") fields["linkName"] = wellFormed(entry.target);
  if (entry.mode !== 0) fields["mode"] = entry.mode;
  if (entry.type === "file" && entry.sizeBytes > 0) fields["size"] = entry.sizeBytes;
  if (entry.uid !== 0) fields["uid"] = entry.uid;
  if (entry.gid !== 0) fields["gid"] = entry.gid;
  if (entry.mtimeSeconds !== 0) fields["modtime"] = rfc3339(entry.mtimeSeconds);
  if ((entry.type === "char" || entry.type === "block") && entry.major !== 0)
    fields["devMajor"] = entry.major;
  if ((entry.type === "char" || entry.type === "block") && entry.minor !== 0)
    fields["devMinor"] = entry.minor;
  if (entry.xattrs !== undefined) fields["xattrs"] = entry.xattrs;
  return fields;
}

/** JSON holds no bytes that are not UTF-8: Go's encoder writes U+FFFD for them, and so do we. */
function wellFormed(name: string): string {
  return name.isWellFormed() ? name : pathToBytes(name).toString("utf8");
}

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}
