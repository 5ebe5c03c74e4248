// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";

import { AshlarError, type ImagePath, isSystemError, parentOf, pathToBytes, showPath } from "../base/index.ts";
import type { DeviceEntry, DirEntry, Entry, FifoEntry, FileEntry, Meta, SymlinkEntry, Tree } from "../formats/index.ts";
import { makeDirs } from "./layout.ts";
import type { CheckoutReport } from "./store.ts";
import { writeXattrs } from "./xattr.ts";

/** A path of the host; bytes where the name is not UTF-8. */
export type HostPath = string | Buffer;

/** Makes regular files. */
export interface FilePlacer {
  /** Makes one file under all of these names, which do not exist yet: the first, and its hard links. */
  place(entry: FileEntry, paths: readonly HostPath[]): void;
}

/** What the running user may set; root may set everything. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Undefined for root, who can give files to anybody. */
export function ownOwner(): Owner | undefined {
  const uid = process.geteuid?.() ?? 0;
  return uid === 0 ? undefined : { uid, gid: process.getegid?.() ?? 0 };
}

/** What of an entry can be set by `owner`: only root gives files away and sets security attributes. */
export function settableMeta<T extends Meta>(entry: T, owner: Owner | undefined): T {
  if (owner === undefined) return entry;
  const { xattrs, ...rest } = entry;
  const kept = Object.entries(xattrs ?? {}).filter(([name]) => name.startsWith("user."));
  const own = { ...rest, uid: owner.uid, gid: owner.gid } as unknown as T;
  return kept.length === 0 ? own : { ...own, xattrs: Object.fromEntries(kept) };
}

/**
 * Makes `dir` the file system that `tree` describes. Nothing is ever written through a link: every parent is
 * a directory of the tree, made here below a directory that was empty and that only we can enter meanwhile;
 * symlinks come after files. What was made is removed again on failure.
 */
export function checkoutTree(tree: Tree, dir: string, placer: FilePlacer): CheckoutReport {
  const parts = sortOut(tree);
  prepareRoot(dir);
  try {
    return new Checkout(dir, placer).run(parts);
  } catch (error) {
    removeMade(dir);
    throw checkoutFault(error, dir);
  }
}

/** Takes away what was made; where that fails too, the first error is the one to tell. */
function removeMade(dir: string): void {
  try {
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true, force: true });
  } catch (error) {
    if (!isSystemError(error, "EACCES", "EPERM", "ENOENT", "EIO", "EROFS")) throw error;
  }
}

interface TreeParts {
  readonly dirs: readonly DirEntry[];
  readonly files: readonly FileEntry[];
  /** File to its further names. */
  readonly hardlinks: ReadonlyMap<ImagePath, readonly ImagePath[]>;
  readonly symlinks: readonly SymlinkEntry[];
  readonly specials: readonly (DeviceEntry | FifoEntry)[];
}

/** Sorts the entries by kind and proves that each parent is a directory and each hard link's target a file. */
function sortOut(tree: Tree): TreeParts {
  const dirPaths = new Set<ImagePath>();
  const filePaths = new Set<ImagePath>();
  const hardlinks = new Map<ImagePath, ImagePath[]>();
  const parts = { dirs: [] as DirEntry[], files: [] as FileEntry[], symlinks: [] as SymlinkEntry[] };
  const specials: (DeviceEntry | FifoEntry)[] = [];
  for (const entry of tree) {
    verifyParent(entry, dirPaths);
    switch (entry.type) {
      case "dir":
        dirPaths.add(entry.path);
        parts.dirs.push(entry);
        break;
      case "file":
        filePaths.add(entry.path);
        parts.files.push(entry);
        break;
      case "symlink":
        parts.symlinks.push(entry);
        break;
      case "hardlink": {
        const names = hardlinks.get(entry.target);
        if (names !== undefined) names.push(entry.path);
        else if (filePaths.has(entry.target)) hardlinks.set(entry.target, [entry.path]);
        else throw treeFault("STORE_CHECKOUT_LINK", entry, `its target "/${entry.target}" is no file before it`);
        break;
      }
      default:
        specials.push(entry);
    }
  }
  return { ...parts, hardlinks, specials };
}

function verifyParent(entry: Entry, dirs: ReadonlySet<ImagePath>): void {
  const parent = parentOf(entry.path);
  if (parent === undefined || dirs.has(parent)) return;
  throw treeFault("STORE_CHECKOUT_PARENT", entry, `its parent "/${parent}" is no directory of the tree`);
}

function treeFault(code: string, entry: Entry, fault: string): AshlarError {
  return new AshlarError(code, `Cannot check out "${showPath(entry.path)}": ${fault}`);
}

function prepareRoot(dir: string): void {
  try {
    makeDirs(dir);
    if (readdirSync(dir).length > 0) {
      const state = "not empty, want a new directory";
      throw new AshlarError("STORE_CHECKOUT_NOT_EMPTY", `Cannot check out to "${dir}": ${state}`);
    }
    chmodSync(dir, 0o700);
  } catch (error) {
    throw checkoutFault(error, dir);
  }
}

function checkoutFault(error: unknown, dir: string): unknown {
  if (isSystemError(error, "EXDEV")) {
    const state = "it lies on another file system than the store";
    return new AshlarError("STORE_CHECKOUT_CROSS_DEVICE", `Cannot check out to "${dir}" by links: ${state}`, {
      hint: "copy instead, or put ASHLAR_STORE onto the same file system",
      cause: error,
    });
  }
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new AshlarError("STORE_CHECKOUT_FAILED", `Cannot check out to "${dir}": ${error.message}`, { cause: error });
}

class Checkout {
  readonly #root: string;
  readonly #placer: FilePlacer;
  readonly #owner = ownOwner();
  readonly #skipped: { path: ImagePath; why: string }[] = [];
  /** The owner that new entries get by themselves; undefined where a set-group-id parent interferes. */
  readonly #born: Owner | undefined;

  constructor(root: string, placer: FilePlacer) {
    this.#root = root;
    this.#placer = placer;
    const made = statSync(root);
    const inherits = (made.mode & 0o2000) !== 0;
    this.#born = inherits ? undefined : { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  }

  run(parts: TreeParts): CheckoutReport {
    for (const entry of parts.dirs) mkdirSync(this.#pathOf(entry.path), 0o700);
    for (const entry of parts.files) this.#makeFile(entry, parts.hardlinks.get(entry.path));
    for (const entry of parts.symlinks) this.#makeSymlink(entry);
    for (const entry of parts.specials) this.#makeSpecial(entry);
    for (const entry of parts.dirs.toReversed()) this.#finishDir(entry, this.#pathOf(entry.path));
    this.#finishDir({ mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 }, this.#root);
    return { skipped: this.#skipped };
  }

  #pathOf(path: ImagePath): HostPath {
    if (path.isWellFormed()) return `${this.#root}/${path}`;
    return Buffer.concat([Buffer.from(`${this.#root}/`), pathToBytes(path)]);
  }

  #makeFile(entry: FileEntry, links: readonly ImagePath[] | undefined): void {
    if (entry.xattrs !== undefined) this.#noteXattrs(entry);
    const first = this.#pathOf(entry.path);
    this.#placer.place(entry, links === undefined ? [first] : [first, ...links.map((path) => this.#pathOf(path))]);
  }

  #makeSymlink(entry: SymlinkEntry): void {
    const path = this.#pathOf(entry.path);
    const { target } = entry;
    symlinkSync(target.isWellFormed() ? target : pathToBytes(target), path);
    const meta = this.#settable(entry);
    if (this.#needsChown(meta)) lchownSync(path, meta.uid, meta.gid);
    writeXattrs(path, meta.xattrs);
    const time = timeOf(meta);
    lutimesSync(path, time, time);
  }

  /** Node has no mknod(2). Devices need root, and a container's root may not make them either. */
  #makeSpecial(entry: DeviceEntry | FifoEntry): void {
    if (entry.type !== "fifo" && this.#owner !== undefined) return this.#skip(entry.path, "only root makes devices");
    const path = this.#pathOf(entry.path);
    if (typeof path !== "string") return this.#skip(entry.path, "its name is not UTF-8");
    const args = entry.type === "fifo" ? ["p"] : [entry.type[0] as string, `${entry.major}`, `${entry.minor}`];
    const { status, stderr, error } = spawnSync("mknod", ["--", path, ...args], { encoding: "utf8" });
    if (status !== 0) return this.#skip(entry.path, `mknod: ${error?.message ?? stderr.trim()}`);
    const meta = this.#settable(entry);
    if (this.#needsChown(meta)) lchownSync(path, meta.uid, meta.gid);
    chmodSync(path, meta.mode);
    const time = timeOf(meta);
    utimesSync(path, time, time);
  }

  #finishDir(entry: Meta, path: HostPath): void {
    const meta = this.#settable(entry);
    // Changing the owner takes away set-user-id and set-group-id, so it comes first; the time comes last.
    if (path === this.#root || this.#needsChown(meta)) chownSync(path, meta.uid, meta.gid);
    writeXattrs(path, meta.xattrs);
    chmodSync(path, meta.mode);
    const time = timeOf(meta);
    utimesSync(path, time, time);
  }

  #needsChown(meta: Meta): boolean {
    return this.#born === undefined || this.#born.uid !== meta.uid || this.#born.gid !== meta.gid;
  }

  #settable<T extends Meta>(entry: T): T {
    if (this.#owner === undefined) return entry;
    if (entry.xattrs !== undefined) this.#noteXattrs(entry as T & { path?: ImagePath });
    return settableMeta(entry, this.#owner);
  }

  #noteXattrs(entry: Meta & { readonly path?: ImagePath }): void {
    if (this.#owner === undefined || entry.path === undefined) return;
    const lost = Object.keys(entry.xattrs ?? {}).filter((name) => !name.startsWith("user."));
    for (const name of lost) this.#skip(entry.path, `only root sets the attribute "${name}"`);
  }

  #skip(path: ImagePath, why: string): void {
    this.#skipped.push({ path, why });
  }
}

/** A time for utimes(2). Node takes a negative number for "now", but not a Date. */
export function timeOf(meta: Meta): number | Date {
  return meta.mtimeSeconds < 0 ? new Date(meta.mtimeSeconds * 1000) : meta.mtimeSeconds;
}
