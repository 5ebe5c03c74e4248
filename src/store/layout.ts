// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  existsSync,
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

import { AshlarError, type Digest, hexOf, isSystemError } from "../base/index.ts";
import { onDisk } from "./system-fault.ts";

/** Where things lie in a store's directory. (docs/formats/store.md) */
export class Layout {
  readonly dir: string;
  readonly packs: string;
  readonly links: string;
  /** Trees that are kept checked out; made when first needed. */
  readonly roots: string;
  /** What a checkout by links of a tree consists of; made when first needed. */
  readonly plans: string;
  /** What directories outside the store hold; made when first needed. */
  readonly checkouts: string;
  readonly downloads: string;
  readonly tmp: string;
  readonly index: string;
  readonly refs: string;
  /** What files of the host held; made when first needed, may be removed. */
  readonly adopted: string;
  readonly leaseLock: string;
  readonly setupLock: string;

  constructor(dir: string) {
    this.dir = dir;
    this.packs = join(dir, "packs");
    this.links = join(dir, "links");
    this.roots = join(dir, "roots");
    this.plans = join(dir, "plans");
    this.checkouts = join(dir, "checkouts");
    this.downloads = join(dir, "downloads", "sha256");
    this.tmp = join(dir, "tmp");
    this.index = join(dir, "index.sqlite");
    this.refs = join(dir, "refs.sqlite");
    this.adopted = join(dir, "adopted.sqlite");
    this.leaseLock = join(dir, "lease.lock");
    this.setupLock = join(dir, "setup.lock");
  }

  pack(id: Digest): string {
    const hex = hexOf(id);
    return join(this.packs, hex.slice(0, 2), `${hex}.pack`);
  }

  download(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.downloads, hex.slice(0, 2), hex);
  }
}

const formatLine = "ashlar store ";
const formatVersion = 2;
const ownFiles = ["format", "setup.lock", "lease.lock"];
const ownDirs = ["packs", "links", "roots", "plans", "checkouts", "downloads", "tmp"];
const ownNames = new Set([...ownFiles, ...ownDirs]);

/**
 * Makes sure that `dir` is a store that this release can use, making one where there is nothing. An older one is
 * to be brought up by `raiseFormat` before anything is written to it. Throws `STORE_FORMAT_NEWER`,
 * `STORE_FORMAT_INVALID`, `STORE_NOT_A_STORE`.
 */
export function openLayout(dir: string): { readonly layout: Layout; readonly isOlder: boolean } {
  const layout = new Layout(dir);
  const text = onDisk(`open store "${dir}"`, () => readIfThere(join(dir, "format")));
  if (text === undefined) onDisk(`make store "${dir}"`, () => makeStore(layout));
  return { layout, isOlder: text !== undefined && parseFormat(text, dir) < formatVersion };
}

/**
 * Writes the version of this release into a store of an earlier one, which could not read what is written from now
 * on. Version 1 is version 2 without joins. The caller keeps gc away.
 */
export function raiseFormat(layout: Layout): void {
  onDisk(`write to store "${layout.dir}"`, () => writeFormat(layout));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

function parseFormat(text: string, dir: string): number {
  const match = /^ashlar store ([1-9][0-9]{0,8})\n$/.exec(text);
  if (match === null) {
    throw new AshlarError("STORE_FORMAT_INVALID", `Cannot open store "${dir}": its file "format" is damaged`, {
      hint: `write the line "${formatLine}${formatVersion}" into it, then run \`ashlar store fsck\``,
    });
  }
  if (Number(match[1]) > formatVersion) {
    const found = `version ${match[1]}, want at most ${formatVersion}`;
    throw new AshlarError("STORE_FORMAT_NEWER", `Cannot open store "${dir}": ${found}`, {
      hint: "use the release of Ashlar that made this store, or set ASHLAR_STORE to another directory",
    });
  }
  return Number(match[1]);
}

/** Two processes may do this at once; the file "format" comes last and says that the rest is there. */
function makeStore(layout: Layout): void {
  makeDirs(layout.dir);
  const strange = readdirSync(layout.dir).find((name) => !ownNames.has(name) && !/\.sqlite(-[\w-]+)?$/.test(name));
  if (strange !== undefined) {
    const state = `the directory holds "${strange}" and no file "format"`;
    throw new AshlarError("STORE_NOT_A_STORE", `Cannot make store "${layout.dir}": ${state}, want an empty directory`, {
      hint: "set ASHLAR_STORE to a directory of its own",
    });
  }
  for (const dir of [layout.packs, layout.links, layout.downloads, layout.tmp]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  writeFormat(layout);
}

function writeFormat(layout: Layout): void {
  const file = makeTmpFile(layout.tmp, "format");
  writeFileSync(file.fd, `${formatLine}${formatVersion}\n`);
  publish(file, join(layout.dir, "format"));
}

/**
 * Makes a private directory and those above it that are missing. Node's own `recursive` never ends where a
 * parent exists and refuses entries with ENOENT, as below /proc.
 */
export function makeDirs(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isSystemError(error, "EEXIST") && statSync(path).isDirectory()) return;
    const parent = dirname(path);
    if (!isSystemError(error, "ENOENT") || existsSync(parent) || parent === path) throw error;
    makeDirs(parent);
    mkdirSync(path, { mode: 0o700 });
  }
}

export interface TmpFile {
  readonly path: string;
  readonly fd: number;
}

let tmpCount = 0;

/** Creates a file of a name nobody else has, without drawing a random one. */
export function makeTmpFile(dir: string, kind: string): TmpFile {
  return makeTmp(dir, kind, (path) => ({ path, fd: openSync(path, "wx", 0o600) }));
}

/** Makes an empty private directory of a name nobody else has. */
export function makeTmpDir(dir: string, kind: string): string {
  return makeTmp(dir, kind, (path) => (mkdirSync(path, { mode: 0o700 }), path));
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
export function publish(file: TmpFile, path: string): void {
  try {
    fsyncSync(file.fd);
  } finally {
    closeSync(file.fd);
  }
  const dir = dirname(path);
  const isNew = !existsSync(dir);
  if (isNew) mkdirSync(dir, { recursive: true, mode: 0o700 });
  renameSync(file.path, path);
  syncDir(dir);
  if (isNew) syncDir(dirname(dir));
}

function syncDir(path: string): void {
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
 * Every regular file below a directory; none where it does not exist. Not Node's own recursive listing: that enters
 * directories through symlinks, and a root that was left unfinished has such that lead out of the store.
 */
export function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}
