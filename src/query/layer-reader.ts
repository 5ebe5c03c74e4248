// SPDX-License-Identifier: Apache-2.0
import {
  AshlarError,
  baseNameOf,
  type Digest,
  emptyDigest,
  Hasher,
  type ImagePath,
  parentOf,
  parseEntryName,
} from "../base/index.ts";
import type { Meta, TarEntry, TarVisitor } from "../formats/index.ts";
import {
  componentsOf,
  type DirNode,
  type FileNode,
  findNode,
  makeDirs,
  newDir,
  type Node,
  type NodeBudget,
  putNode,
} from "./layer-nodes.ts";
import type { KeptFiles } from "./kept-files.ts";

const whiteoutPrefix = ".wh.";
const opaqueMark = ".wh..wh..opq";
/** Names of AUFS's own files, which old layers hold; they are no files of the image. */
const metaPrefix = ".wh..wh.";

/** Takes the bytes of one regular file. */
export interface FileTaker {
  write(bytes: Uint8Array): void;
  /** The digest of what was written. */
  end(): Digest;
}

export interface LayerReaderOptions {
  /** What the layers below make; read for hard links into it. */
  readonly lower: DirNode;
  readonly budget: NodeBudget;
  readonly kept: KeptFiles;
  /** Takes all regular files, one after the other; absent: they are only hashed. */
  readonly take?: ((sizeBytes: number) => FileTaker) | undefined;
  /** For messages. */
  readonly what: string;
}

/**
 * Takes the members of one layer's tar and makes the nodes of that layer. Throws `QUERY_LAYER_*` and
 * `PATH_INVALID` on what a reader that trusts the archive would be led astray by.
 */
export class LayerReader implements TarVisitor {
  readonly root: DirNode = newDir();
  readonly #options: LayerReaderOptions;
  #open: { readonly node: FileNode; readonly taker: FileTaker; readonly pieces: Uint8Array[] | undefined } | undefined;

  constructor(options: LayerReaderOptions) {
    this.#options = options;
  }

  entry(entry: TarEntry): void {
    this.#options.budget.spendText(entry.name, entry.linkName, ...Object.entries(entry.xattrs ?? {}).flat());
    const path = parseEntryName(entry.name);
    if (path === undefined) {
      if (entry.type !== "dir") throw this.#fault("TYPE", "", `the root is a ${entry.type}, want a directory`);
      return;
    }
    if (!this.#takeWhiteout(path, entry)) this.#put(path, this.#nodeOf(path, entry));
  }

  data(bytes: Uint8Array): void {
    this.#open?.taker.write(bytes);
    this.#open?.pieces?.push(Uint8Array.from(bytes));
  }

  endEntry(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    open.node.content = open.taker.end();
    if (open.pieces !== undefined) this.#options.kept.add(open.node.content, Buffer.concat(open.pieces));
  }

  /** Tells whether the member is a mark and no file. */
  #takeWhiteout(path: ImagePath, entry: TarEntry): boolean {
    const parts = componentsOf(path);
    if (!parts.some((part) => part.startsWith(whiteoutPrefix))) return false;
    const name = baseNameOf(path);
    if (name === opaqueMark) {
      this.#dirFor(path).opaque = true;
      return true;
    }
    if (parts.some((part) => part.startsWith(metaPrefix))) return true;
    const removed = name.slice(whiteoutPrefix.length);
    const isMark = parts.findIndex((part) => part.startsWith(whiteoutPrefix)) === parts.length - 1;
    if (!isMark || entry.type === "dir" || ["", ".", ".."].includes(removed)) {
      throw this.#fault("WHITEOUT", path, "it is no whiteout that names a file");
    }
    (this.#dirFor(path).whiteouts ??= new Set()).add(removed);
    return true;
  }

  #dirFor(path: ImagePath): DirNode {
    return makeDirs(this.root, parentOf(path), this.#options.budget) ?? this.#noParent(path);
  }

  #put(path: ImagePath, node: Node): void {
    if (!putNode(this.root, path, { node, budget: this.#options.budget })) this.#noParent(path);
  }

  #nodeOf(path: ImagePath, entry: TarEntry): Node {
    const meta = metaOf(entry);
    switch (entry.type) {
      case "dir":
        return newDir(meta);
      case "file":
        return this.#openFile(path, entry.sizeBytes, meta);
      case "hardlink":
        return this.#linked(path, entry.linkName);
      case "symlink":
        return { type: "symlink", meta, target: entry.linkName };
      case "char":
      case "block":
        return { type: entry.type, meta, major: entry.major, minor: entry.minor };
      case "fifo":
        return { type: "fifo", meta };
    }
  }

  #openFile(path: ImagePath, sizeBytes: number, meta: Meta): FileNode {
    const node: FileNode = { type: "file", meta, sizeBytes, content: emptyDigest };
    const pieces = this.#options.kept.wants(path, sizeBytes) ? [] : undefined;
    this.#open = { node, taker: this.#options.take?.(sizeBytes) ?? hashing(), pieces };
    return node;
  }

  /** Further names of links and devices are entries of their own in a tree, which nothing can tell apart. */
  #linked(path: ImagePath, linkName: string): Node {
    const target = parseEntryName(linkName);
    const node = target === undefined ? undefined : findNode(this.#options.lower, this.root, target);
    if (node !== undefined && node.type !== "dir") return node;
    const found = node === undefined ? "is not there before it" : "is a directory";
    throw this.#fault("HARDLINK", path, `its target ${quote(linkName)} ${found}, want a file of the image`);
  }

  #noParent(path: ImagePath): never {
    throw this.#fault("PARENT", path, "it lies below something that is no directory");
  }

  #fault(reason: string, path: string, fault: string): AshlarError {
    return new AshlarError(`QUERY_LAYER_${reason}`, `Cannot read ${this.#options.what}: entry "/${path}": ${fault}`);
  }
}

function hashing(): FileTaker {
  const hasher = new Hasher();
  return { write: (bytes) => hasher.update(bytes), end: () => hasher.digest() };
}

/** Attributes of overlay file systems steer the one that unpacks; they say nothing about the image. */
const overlayXattr = /^(?:user|trusted)\.overlay\./;

function metaOf(entry: TarEntry): Meta {
  const { mode, uid, gid, mtimeSeconds } = entry;
  const xattrs = Object.entries(entry.xattrs ?? {}).filter(([name]) => !overlayXattr.test(name));
  const meta = { mode, uid, gid, mtimeSeconds };
  return xattrs.length === 0 ? meta : { ...meta, xattrs: Object.fromEntries(xattrs) };
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200));
}
