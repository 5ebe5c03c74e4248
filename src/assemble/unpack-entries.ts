// SPDX-License-Identifier: Apache-2.0
import { AshlarError, comparePaths, type ImagePath, parentOf, parseEntryName, pathToBytes } from "../base/index.ts";
import {
  type DirEntry,
  type Entry,
  type FileEntry,
  makeTree,
  type Meta,
  type TarEntry,
  type Tree,
} from "../formats/index.ts";
import type { ContentInfo } from "../store/index.ts";

/** Gathers the entries of one data.tar and makes the canonical tree of them. */
export class EntryCollector {
  readonly #what: string;
  readonly #entries = new Map<ImagePath, Entry>();
  /** Paths as dpkg lists them: in the archive's order, symbolic links behind the rest as it makes them last. */
  readonly #listed: string[] = [];
  readonly #links: string[] = [];

  /** `what` names the package in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Adds an entry that has no payload. */
  add(entry: TarEntry): void {
    const path = parseEntryName(entry.name);
    (entry.type === "symlink" ? this.#links : this.#listed).push(path === undefined ? "/." : `/${path}`);
    if (path === undefined) return;
    this.#put({ ...metaOf(entry), ...this.#kindOf(entry), path } as Entry);
  }

  /** Adds a regular file whose content is known. */
  addFile(entry: TarEntry, info: Pick<ContentInfo, "digest" | "sizeBytes">): void {
    const path = parseEntryName(entry.name);
    if (path === undefined) throw this.#invalid("/", "the root is not a directory");
    this.#listed.push(`/${path}`);
    this.#put({ ...metaOf(entry), type: "file", path, content: info.digest, sizeBytes: info.sizeBytes });
  }

  #kindOf(entry: TarEntry): object {
    switch (entry.type) {
      case "hardlink":
        return { type: "hardlink", target: this.#linkTarget(entry) };
      case "symlink":
        return { type: "symlink", target: entry.linkName };
      case "char":
      case "block":
        return { type: entry.type, major: entry.major, minor: entry.minor };
      default:
        return { type: entry.type };
    }
  }

  #linkTarget(entry: TarEntry): ImagePath {
    const target = parseEntryName(entry.linkName);
    const at = target === undefined ? undefined : this.#entries.get(target);
    if (at?.type === "file") return at.path;
    if (at?.type === "hardlink") return at.target;
    throw this.#invalid(entry.name, `hard link to "${entry.linkName}", which is no regular file before it`);
  }

  #put(entry: Entry): void {
    const before = this.#entries.get(entry.path);
    if (before !== undefined && !(before.type === "dir" && entry.type === "dir")) {
      throw this.#invalid(entry.path, "the path occurs twice");
    }
    this.#entries.set(entry.path, entry);
  }

  #invalid(path: string, fault: string): AshlarError {
    return new AshlarError("ASSEMBLE_PACKAGE_INVALID", `Cannot unpack ${this.#what}: "${path}": ${fault}`);
  }

  /** The text of dpkg's `info/NAME.list`: each path of the archive on a line, in dpkg's order. */
  list(): Buffer {
    return pathToBytes([...this.#listed, ...this.#links].map((path) => `${path}\n`).join(""));
  }

  finish(): Tree {
    this.#addParents();
    this.#settleHardlinks();
    return makeTree(this.#entries.values());
  }

  /** Every entry's parent is a directory of the tree; one that the archive left out is made. */
  #addParents(): void {
    for (const path of [...this.#entries.keys()]) {
      for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
        const at = this.#entries.get(parent);
        if (at?.type === "dir") break;
        if (at !== undefined) throw this.#invalid(path, `its parent "/${parent}" is a ${at.type}`);
        const made: DirEntry = { type: "dir", path: parent, mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };
        this.#entries.set(parent, made);
      }
    }
  }

  /** Of several names of one file the smallest is the file, the others are links to it. */
  #settleHardlinks(): void {
    const groups = new Map<ImagePath, ImagePath[]>();
    for (const entry of this.#entries.values()) {
      if (entry.type !== "hardlink") continue;
      const group = groups.get(entry.target) ?? [entry.target];
      group.push(entry.path);
      groups.set(entry.target, group);
    }
    for (const [target, names] of groups) this.#settle(this.#entries.get(target) as FileEntry, names);
  }

  #settle(file: FileEntry, names: ImagePath[]): void {
    const [first, ...others] = names.sort(comparePaths) as [ImagePath, ...ImagePath[]];
    this.#entries.set(first, { ...file, path: first });
    const { content: _content, sizeBytes: _sizeBytes, ...meta } = file;
    for (const path of others) this.#entries.set(path, { ...meta, type: "hardlink", path, target: first });
  }
}

function metaOf(entry: TarEntry): Meta {
  const { mode, uid, gid, mtimeSeconds, xattrs } = entry;
  const meta: Meta = { mode: mode & 0o7777, uid, gid, mtimeSeconds };
  return xattrs === undefined ? meta : { ...meta, xattrs };
}
