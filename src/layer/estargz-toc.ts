// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest } from "../base/index.ts";
import type { ForeignEntry, TarType } from "../formats/index.ts";
import type { TocFrame } from "./read-toc.ts";
import { parseTocDocument, TocFields, verifyFrameSize } from "./toc-fields.ts";

/** The tar's member that holds the table of contents; the last one. */
export const estargzTocName = "stargz.index.json";

/** Files that writers of eStargz add: nothing but name and one byte of content. */
export const estargzLandmarks: ReadonlySet<string> = new Set([".prefetch.landmark", ".no.prefetch.landmark"]);

/** A member of the tar as its header says, but for bytes that are not UTF-8; nothing is proven before the tar is. */
export interface EstargzEntry extends ForeignEntry {
  /** Of files that are not empty. */
  readonly content?: Digest;
  /**
   * Gzip members, one for each chunk: it begins with the chunk's bytes, and where it is a file's last one it goes on
   * with padding and the headers of what follows, up to the next member.
   */
  readonly frames: readonly TocFrame[];
}

const types: Readonly<Record<string, TarType>> = {
  reg: "file",
  dir: "dir",
  symlink: "symlink",
  hardlink: "hardlink",
  char: "char",
  block: "block",
  fifo: "fifo",
};

/** An entry with the fields of its data: the chunks, the first of which is the entry itself. */
interface Item {
  readonly fields: TocFields;
  readonly chunks: readonly TocFields[];
}

/**
 * Parses the table of contents of an eStargz layer; its data lie before `dataBytes`, where the table's member begins.
 * Throws `LAYER_TOC_INVALID` with the entry's number, `LAYER_TOC_UNSUPPORTED` where files share a gzip member or
 * names have bytes that JSON has not. (stargz-snapshotter, docs/estargz.md, "TOC")
 */
export function parseEstargzToc(
  bytes: Uint8Array,
  { dataBytes }: { readonly dataBytes: number },
): readonly EstargzEntry[] {
  const items = itemsOf(parseTocDocument(bytes).entries);
  const ends = endsOf(items, dataBytes);
  const names = new OwnerNames();
  return items.map((item) => {
    const entry = entryOf(item.fields, names);
    if (item.chunks.length === 0) return { ...entry, frames: [] };
    return { ...entry, content: contentOf(item), frames: framesOf(item, entry.sizeBytes, ends) };
  });
}

function itemsOf(raw: readonly unknown[]): readonly Item[] {
  const items: (Item & { readonly chunks: TocFields[] })[] = [];
  for (const [i, value] of raw.entries()) {
    const fields = new TocFields(value, i);
    const isChunk = fields.text("type") === "chunk";
    const before = items.at(-1);
    if (fields.count("innerOffset") > 0) throw unsupported("files share a gzip member");
    if (!isChunk) {
      const isData = fields.text("type") === "reg" && fields.count("size") > 0;
      items.push({ fields, chunks: isData ? [fields] : [] });
    } else if (before?.chunks[0] === undefined || before.fields.text("name") !== fields.text("name")) {
      throw fields.fault("it is a chunk of no file");
    } else before.chunks.push(fields);
  }
  return items;
}

/** Where each chunk's member ends: where the next one begins. */
function endsOf(items: readonly Item[], dataBytes: number): ReadonlyMap<TocFields, number> {
  const chunks = items.flatMap((item) => item.chunks);
  let before = 0;
  return new Map(
    chunks.map((chunk, i) => {
      const end = chunks[i + 1]?.count("offset") ?? dataBytes;
      const offset = chunk.count("offset");
      if (offset <= before || end <= offset) throw chunk.fault("it does not lie between its neighbours");
      before = offset;
      return [chunk, end];
    }),
  );
}

function entryOf(fields: TocFields, names: OwnerNames): ForeignEntry {
  const type = types[fields.text("type")];
  if (type === undefined) throw fields.fault("type");
  const sizeBytes = fields.count("size");
  if (type !== "file" && sizeBytes > 0) throw fields.fault("only files have data");
  const xattrs = fields.texts("xattrs");
  const name = nameOf(fields, "name");
  const ids = { uid: fields.count("uid"), gid: fields.count("gid") };
  return {
    ...{ name, type, sizeBytes, ...ids },
    ...names.of({ name, ...ids, userName: nameOf(fields, "userName"), groupName: nameOf(fields, "groupName") }),
    linkName: nameOf(fields, "linkName"),
    mode: fields.count("mode"),
    mtimeSeconds: fields.seconds("modtime"),
    major: fields.count("devMajor"),
    minor: fields.count("devMinor"),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

function nameOf(fields: TocFields, key: string): string {
  const text = fields.text(key);
  if (text.includes("\0") || (key === "name" && text === "")) throw fields.fault(key);
  // What is not UTF-8 was replaced when the table was written.
  if (text.includes("\uFFFD")) throw unsupported("it has names that are not UTF-8");
  return text;
}

function contentOf({ fields, chunks }: Item): Digest {
  const isWhole = chunks.length === 1;
  if (isWhole && fields.text("digest") === "") return fields.digest("chunkDigest");
  const content = fields.digest("digest");
  if (isWhole && fields.digest("chunkDigest") !== content) throw fields.fault("its two digests differ");
  return content;
}

function framesOf({ fields, chunks }: Item, sizeBytes: number, ends: ReadonlyMap<TocFields, number>): TocFrame[] {
  let rawAt = 0;
  const frames = chunks.map((chunk): TocFrame => {
    if (chunk.count("chunkOffset") !== rawAt) throw chunk.fault("chunkOffset");
    const rawBytes = chunk.count("chunkSize") || sizeBytes - rawAt;
    rawAt += rawBytes;
    if (rawBytes <= 0 || rawAt > sizeBytes) throw chunk.fault("chunkSize");
    const offset = chunk.count("offset");
    const storedBytes = (ends.get(chunk) ?? offset) - offset;
    verifyFrameSize(chunk, Math.max(rawBytes, storedBytes));
    return { offset, storedBytes, rawBytes, digest: chunk.digest("chunkDigest") };
  });
  if (rawAt !== sizeBytes) throw fields.fault("its chunks do not add up to its size");
  return frames;
}

interface Owned {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
}

/** An owner's name stands only where it is not the one that its number had before. */
class OwnerNames {
  readonly #users = new Map<number, string>();
  readonly #groups = new Map<number, string>();

  of({ name, uid, gid, userName, groupName }: Owned): { readonly userName: string; readonly groupName: string } {
    if (estargzLandmarks.has(name)) return { userName, groupName };
    if (userName !== "") this.#users.set(uid, userName);
    if (groupName !== "") this.#groups.set(gid, groupName);
    return { userName: this.#users.get(uid) ?? "", groupName: this.#groups.get(gid) ?? "" };
  }
}

function unsupported(fault: string): AshlarError {
  return new AshlarError("LAYER_TOC_UNSUPPORTED", `Cannot use a layer's table of contents: ${fault}`);
}
