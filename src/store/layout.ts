// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { threadId } from "node:worker_threads";

import { type Digest, hexOf, isSystemError } from "../base/index.ts";

/** Modes of what a store is made of. */
export interface Rights {
  readonly dir: number;
  /** Of databases, and of files that only their maker writes. */
  readonly file: number;
  readonly pack: number;
}

export const privateRights: Rights = { dir: 0o700, file: 0o600, pack: 0o400 };
/** Directories give their group to what is made in them. */
export const groupRights: Rights = { dir: 0o2770, file: 0o660, pack: 0o440 };

/**
 * Where things lie: in `dir`, which is one user's, and of a member of a shared store all that several may have in
 * `shared`. (docs/formats/store.md)
 */
export class Layout {
  readonly dir: string;
  /** Of what is shared, where it is. */
  readonly rights: Rights;
  readonly isShared: boolean;
  readonly packs: string;
  readonly links: string;
  /** Trees that are kept checked out; made when first needed. */
  readonly roots: string;
  /** What a checkout by links of a tree consists of; made when first needed. */
  readonly plans: string;
  /** What directories outside the store hold; made when first needed. */
  readonly checkouts: string;
  readonly downloads: string;
  /** Locks of what is being fetched; made when first needed. */
  readonly fetching: string;
  readonly tmp: string;
  /** For unfinished packs. */
  readonly packTmp: string;
  readonly index: string;
  readonly refs: string;
  /** What the refs were after each change of them. */
  readonly refsLog: string;
  /** What was damaged; made when first needed, emptied by gc. */
  readonly quarantine: string;
  /** What files of the host held; made when first needed, may be removed. */
  readonly adopted: string;
  /** Room that garbage collection gives up on a full disk. */
  readonly reserve: string;
  /** In which run of the kernel links, and what else is not synced, were last dropped. */
  readonly boot: string;
  readonly leaseLock: string;
  readonly setupLock: string;

  constructor(dir: string, shared?: string) {
    const common = shared ?? dir;
    this.dir = dir;
    this.rights = shared === undefined ? privateRights : groupRights;
    this.isShared = shared !== undefined;
    this.packs = join(common, "packs");
    this.links = join(dir, "links");
    this.roots = join(dir, "roots");
    this.plans = join(dir, "plans");
    this.checkouts = join(dir, "checkouts");
    this.downloads = join(common, "downloads", "sha256");
    this.fetching = join(common, "fetching");
    this.tmp = join(dir, "tmp");
    this.packTmp = join(common, "tmp");
    this.index = join(common, "index.sqlite");
    this.refs = join(common, "refs.sqlite");
    this.refsLog = join(common, "refs.log");
    this.quarantine = join(common, "quarantine");
    this.adopted = join(dir, "adopted.sqlite");
    this.reserve = join(dir, "reserve");
    this.boot = join(dir, "boot");
    this.leaseLock = join(common, "lease.lock");
    this.setupLock = join(common, "setup.lock");
  }

  /** All that a store lies in. */
  get dirs(): readonly string[] {
    return this.isShared ? [this.dir, dirname(this.leaseLock)] : [this.dir];
  }

  pack(id: Digest): string {
    const hex = hexOf(id);
    return join(this.packs, hex.slice(0, 2), `${hex}.pack`);
  }

  download(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.downloads, hex.slice(0, 2), hex);
  }

  fetchLock(digest: Digest): string {
    return join(this.fetching, hexOf(digest));
  }
}

/**
 * Makes a directory of this mode, whatever the umask is, and private ones above it that are missing; one that is
 * there stays as it is. Node's own `recursive` never ends where a parent exists and refuses entries with ENOENT, as
 * below /proc.
 */
export function makeDirs(path: string, mode = privateRights.dir): void {
  try {
    makeDir(path, mode);
  } catch (error) {
    if (isSystemError(error, "EEXIST") && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (!isSystemError(error, "ENOENT") || existsSync(parent) || parent === path) throw error;
    makeDirs(parent);
    makeDirs(path, mode);
  }
}

function makeDir(path: string, mode: number): void {
  mkdirSync(path, { mode: mode & 0o777 });
  if ((lstatSync(path).mode & 0o7777) !== mode) chmodSync(path, mode);
}

/** Makes an empty file of this mode, whatever the umask is, where there is none: SQLite makes a database of it. */
export function makeEmptyFile(path: string, mode: number): void {
  try {
    const fd = openSync(path, "wx", 0o600);
    fchmodSync(fd, mode);
    closeSync(fd);
  } catch (error) {
    if (!isSystemError(error, "EEXIST")) throw error;
  }
}

export interface TmpFile {
  readonly path: string;
  readonly fd: number;
}

let tmpCount = 0;

/** Creates a private file of a name nobody else has, without drawing a random one. */
export function makeTmpFile(dir: string, kind: string): TmpFile {
  return makeTmp(dir, kind, (path) => ({ path, fd: openSync(path, "wx", 0o600) }));
}

/** Gives a small file its bytes, mode and name. Not synced. */
export function replaceFile(file: TmpFile, path: string, bytes: string | Uint8Array): void {
  writeFileSync(file.fd, bytes);
  fchmodSync(file.fd, privateRights.file);
  closeSync(file.fd);
  renameSync(file.path, path);
}

/** Makes an empty private directory of a name nobody else has. */
export function makeTmpDir(dir: string, kind: string): string {
  return makeTmp(dir, kind, (path) => (makeDir(path, privateRights.dir), path));
}

/** Makes a symlink of a name nobody else has. */
export function makeTmpSymlink(dir: string, kind: string, target: string | Buffer): string {
  return makeTmp(dir, kind, (path) => (symlinkSync(target, path), path));
}

function makeTmp<T>(dir: string, kind: string, make: (path: string) => T): T {
  for (;;) {
    try {
      return make(join(dir, `${kind}-${process.pid}-${threadId}-${tmpCount++}`));
    } catch (error) {
      // Left over by a dead process of the same number, or of another container.
      if (!isSystemError(error, "EEXIST")) throw error;
    }
  }
}

/** A path in a directory that only we write to, where nothing lies yet. */
export function freePath(dir: string): string {
  for (let i = 0; ; i++) {
    const path = join(dir, `.ashlar-${i}`);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return path;
  }
}

/**
 * Makes a finished file durable and visible under its name: sync, close, rename, sync of the directory. It is closed in
 * any case.
 */
export function publish(file: TmpFile, path: string, dirMode = privateRights.dir): void {
  try {
    fsyncSync(file.fd);
  } finally {
    closeSync(file.fd);
  }
  const dir = dirname(path);
  const isNew = !existsSync(dir);
  if (isNew) makeDirs(dir, dirMode);
  renameSync(file.path, path);
  syncDir(dir);
  if (isNew) syncDir(dirname(dir));
}

/** Makes new names in a directory durable. */
export function syncDir(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Names one run of the kernel: what was not synced in an earlier one may be gone. Empty where unknown. */
export function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/**
 * Every regular file below a directory; none where it does not exist. Not Node's own recursive listing: that follows
 * symlinks to directories, and what a sandbox left behind has some that lead anywhere.
 */
export function filesBelow(dir: string): string[] {
  if (!lstatSync(dir, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}
