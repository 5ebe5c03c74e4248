// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";

import { AshlarError, isSystemError } from "../base/index.ts";
import { readFormatText, writeFormat } from "./format-file.ts";
import { Layout, makeDirs, makeEmptyFile, privateRights } from "./layout.ts";
import { verifyLocalDisk } from "./network-files.ts";
import { keepReserve, takeReserve } from "./reserve.ts";
import { foreignStore, storeUser, verifyPrivate, verifyShared } from "./rights.ts";
import { type KnownFormat, parseStoreFormat, privateVersion, sharedVersion, type StoreFormat } from "./store-format.ts";
import { onDisk } from "./system-fault.ts";

export interface OpenedLayout {
  readonly layout: Layout;
  /** Of older versions than this release writes: to be brought up by `migrate` before anything is written. */
  readonly older: readonly OldDirectory[];
}

/** What a store lies in, and what its files `format` and `sharing` say. */
export interface OldDirectory {
  readonly dir: string;
  readonly format: KnownFormat;
}

export interface LayoutOptions {
  /** Whose it must be; absent: who runs this process. */
  readonly uid?: number | undefined;
  /** Give up the store's reserve where the disk is full. */
  readonly makesRoom?: boolean;
}

/**
 * Makes sure that `dir` is a store that this release can use and user `uid` owns, making one where there is nothing.
 * Throws `STORE_FORMAT_NEWER`, `STORE_FORMAT_INVALID`, `STORE_NOT_A_STORE`, `STORE_SHARED`, `STORE_FOREIGN`,
 * `STORE_EXPOSED`, `STORE_STRANGE`, `STORE_GROUP`, `STORE_NETWORK_DISK`.
 */
export function openLayout(dir: string, options: LayoutOptions = {}): OpenedLayout {
  const { uid = storeUser() } = options;
  return onDisk(`open store "${dir}"`, () => {
    verifyLocalDisk(dir);
    const owner = statSync(dir, { throwIfNoEntry: false })?.uid;
    const isForeign = owner !== undefined && uid !== undefined && owner !== uid;
    const format = readFormat(dir, isForeign);
    if (format?.kind === "shared") throw sharedPart(dir);
    if (isForeign) throw foreignStore(dir, owner, uid);
    if (format !== undefined) return openKnown(dir, format, { ...options, uid });
    const layout = new Layout(dir);
    makeStore(layout, uid);
    return { layout, older: [] };
  });
}

/** Of another user's directory only what can be read without harm. */
function readFormat(dir: string, isForeign: boolean): StoreFormat | undefined {
  let text: string | undefined;
  try {
    text = readFormatText(dir);
  } catch (error) {
    if (isForeign && isSystemError(error, "EACCES")) return undefined;
    throw error;
  }
  const format = text === undefined ? undefined : parseStoreFormat(text);
  if (format === undefined && text !== undefined && !isForeign) throw damagedFormat(dir);
  return format;
}

function damagedFormat(dir: string): AshlarError {
  return new AshlarError("STORE_FORMAT_INVALID", `Cannot open store "${dir}": its file "format" is damaged`, {
    hint: `write the line "ashlar store ${privateVersion}" into it, then run \`ashlar store fsck\``,
  });
}

function sharedPart(dir: string): AshlarError {
  const state = "it is what members of a group share, want a store of your own that has joined it";
  return new AshlarError("STORE_SHARED", `Cannot open store "${dir}": ${state}`, {
    hint: `set ASHLAR_STORE to a directory of your own, then run: ashlar store join ${dir}`,
  });
}

function openKnown(dir: string, format: StoreFormat, { uid, makesRoom }: LayoutOptions): OpenedLayout {
  verifyPrivate(dir, uid);
  // Before anything else is made: even an empty directory takes room.
  if (makesRoom === true) takeReserve(new Layout(dir));
  switch (format.kind) {
    case "private": {
      const layout = new Layout(dir);
      makeParts(layout);
      return { layout, older: olderOf({ dir, format }) };
    }
    case "member":
      return openMember(dir, format);
    case "newer":
      throw newerFormat(dir, format.version);
    case "shared":
      throw new Error("internal error: a shared directory is no store by itself");
  }
}

function olderOf(...dirs: readonly OldDirectory[]): OldDirectory[] {
  return dirs.filter(({ format }) => format.version < (format.kind === "private" ? privateVersion : sharedVersion));
}

function openMember(dir: string, place: StoreFormat & { readonly kind: "member" }): OpenedLayout {
  verifyShared(place);
  const text = readFormatText(place.shared);
  const format = text === undefined ? undefined : parseStoreFormat(text);
  if (format?.kind === "newer") throw newerFormat(place.shared, format.version);
  if (format?.kind !== "shared" || format.gid !== place.gid) throw damagedFormat(place.shared);
  const older = olderOf({ dir: place.shared, format }, { dir, format: place });
  return { layout: new Layout(dir, place.shared), older };
}

function newerFormat(dir: string, version: number): AshlarError {
  const found = `version ${version}, want at most ${sharedVersion}`;
  return new AshlarError("STORE_FORMAT_NEWER", `Cannot open store "${dir}": ${found}`, {
    hint: "use the release of Ashlar that made this store, or set ASHLAR_STORE to another directory",
  });
}

/** Two processes may do this at once; the file "format" comes last and says that the rest is there. */
function makeStore(layout: Layout, uid: number | undefined): void {
  makeOwnDir(layout.dir, uid);
  makeParts(layout);
  keepReserve(layout);
  writeFormat(layout.dir, { kind: "private", version: privateVersion }, privateRights.file);
}

/** What a copy of the things that cannot be made again does without. */
function makeParts(layout: Layout): void {
  for (const dir of [layout.packs, layout.links, layout.downloads, layout.tmp]) if (!existsSync(dir)) makeDirs(dir);
  for (const lock of [layout.leaseLock, layout.setupLock]) {
    if (!existsSync(lock)) makeEmptyFile(lock, layout.rights.file);
  }
}

const ownDirs = "packs|links|roots|plans|checkouts|downloads|fetching|quarantine|tmp|logs";
const ownNames = new RegExp(`^(?:format|sharing|reserve|boot|refs\\.log|\\w+\\.lock|${ownDirs}|\\w+\\.sqlite[\\w-]*)$`);

/** Makes the private directory of a store, or takes an empty one. Throws `STORE_NOT_A_STORE`, as `verifyPrivate`. */
export function makeOwnDir(dir: string, uid: number | undefined): void {
  makeDirs(dir);
  const names = readdirSync(dir);
  const strange = names.find((name) => !ownNames.test(name));
  if (strange !== undefined) {
    const state = `the directory holds "${strange}" and no file "format"`;
    throw new AshlarError("STORE_NOT_A_STORE", `Cannot make store "${dir}": ${state}, want an empty directory`, {
      hint: "set ASHLAR_STORE to a directory of its own",
    });
  }
  // Nobody can have put anything into an empty one; whose it is is proven all the same.
  if (names.length === 0 && (uid === undefined || statSync(dir).uid === uid)) chmodSync(dir, privateRights.dir);
  verifyPrivate(dir, uid);
}
