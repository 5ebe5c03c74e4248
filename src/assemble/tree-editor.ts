// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parsePath } from "../base/index.ts";
import { type DirEntry, type Entry, type FileEntry, makeTree, type Meta } from "../formats/index.ts";
import { settleHardlinks } from "./hardlinks.ts";
import type { OwnedTree } from "./merge-trees.ts";
import { directoryOf, PathResolver } from "./path-resolver.ts";

export type DirectoryMeta = Pick<Meta, "mode" | "uid" | "gid">;

const rootDirectory: DirectoryMeta = { mode: 0o755, uid: 0, gid: 0 };

/** Changes a tree entry by entry, the way a program inside the image would: links among the parents are followed. */
export class TreeEditor {
  readonly #entries: Map<string, Entry>;
  readonly #owners: Map<ImagePath, string>;
  readonly #owner: string;
  readonly #mtimeSeconds: number;
  /** Directories as written to where they really are. */
  readonly #real = new Map<string, string>();
  readonly #replaced = new Map<ImagePath, FileEntry>();

  /** `owner` is recorded for every entry that is made. */
  constructor(below: OwnedTree, { owner, mtimeSeconds }: { readonly owner: string; readonly mtimeSeconds: number }) {
    this.#entries = new Map(below.tree.map((entry) => [entry.path, entry]));
    this.#owners = new Map(below.owners);
    this.#owner = owner;
    this.#mtimeSeconds = mtimeSeconds;
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path);
  }

  /** The entry at the end of a path, links followed. */
  resolve(path: string): Entry | undefined {
    return new PathResolver(this.#entries).resolve(path);
  }

  /** Puts a file or link at a path; what is there goes, unless it is a directory. Throws `ASSEMBLE_APP_CONFLICT`. */
  put<T extends Entry>(text: string, make: (path: ImagePath) => T): void {
    const path = this.#place(text);
    const before = this.#entries.get(path);
    if (before?.type === "dir") {
      const hint = `write "${text.replace(/\/*$/, "/")}" to put files into it`;
      throw conflict(text, "it is a directory of the image", hint);
    }
    if (before?.type === "file") this.#replaced.set(before.path, before);
    if (before?.type === "symlink") this.#real.clear();
    this.#set(make(path));
  }

  /** Makes a directory and those above it; one that is there gets the given mode and owner, if any. */
  makeDirectory(text: string, meta: DirectoryMeta | undefined): void {
    const path = this.realDirectory(text);
    if (meta === undefined || path === "") return;
    const before = this.#entries.get(path) as DirEntry;
    if (before.mode === meta.mode && before.uid === meta.uid && before.gid === meta.gid) return;
    this.#set({ ...before, ...meta, mtimeSeconds: this.#mtimeSeconds });
  }

  /** Where a directory really is, "" for the root; made with all above it where it is missing. */
  realDirectory(text: string, meta: DirectoryMeta = rootDirectory): string {
    const wanted = text.replace(/^\/+|\/+$/g, "");
    if (wanted === "") return "";
    const known = this.#real.get(wanted);
    if (known !== undefined) return known;
    const slash = wanted.lastIndexOf("/");
    const parent = this.realDirectory(directoryOf(wanted));
    const name = wanted.slice(slash + 1);
    const real = this.#enter(parsePath(parent === "" ? name : `${parent}/${name}`), meta);
    this.#real.set(wanted, real);
    return real;
  }

  #enter(path: ImagePath, meta: DirectoryMeta): string {
    const entry = this.#entries.get(path);
    switch (entry?.type) {
      case undefined:
        this.#set({ type: "dir", path, ...meta, mtimeSeconds: this.#mtimeSeconds });
        return path;
      case "dir":
        return path;
      case "symlink": {
        const real = new PathResolver(this.#entries).realPath(path);
        if (real !== undefined && (real === "" || this.#entries.get(real)?.type === "dir")) return real;
        throw conflict(`/${path}`, `it is a link to "${entry.target}", which is no directory`);
      }
      default:
        throw conflict(`/${path}`, `it is a ${entry?.type} of the image, not a directory`);
    }
  }

  #place(text: string): ImagePath {
    const wanted = parsePath(text);
    const parent = this.realDirectory(directoryOf(wanted));
    const name = wanted.slice(wanted.lastIndexOf("/") + 1);
    return parsePath(parent === "" ? name : `${parent}/${name}`);
  }

  #set(entry: Entry): void {
    this.#entries.set(entry.path, entry);
    this.#owners.set(entry.path, this.#owner);
  }

  finish(): OwnedTree {
    const entries = [...this.#entries.values()];
    return { tree: makeTree(this.#settle(entries)), owners: this.#owners };
  }

  /** A replaced file may have been the first name of a group of hard links. */
  #settle(entries: readonly Entry[]): readonly Entry[] {
    const orphans = entries.filter((entry) => entry.type === "hardlink" && this.#replaced.has(entry.target));
    if (orphans.length === 0) return entries;
    const others = entries.filter((entry) => !orphans.includes(entry));
    return [...others, ...settleHardlinks(orphans, (target) => this.#replaced.get(target))];
  }
}

function conflict(path: string, fault: string, hint?: string): AshlarError {
  return new AshlarError("ASSEMBLE_APP_CONFLICT", `Cannot put a file at "${path}": ${fault}`, { hint });
}
