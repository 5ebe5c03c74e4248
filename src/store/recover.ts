// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestFromHex, isAshlarError, isSystemError } from "../base/index.ts";
import { AdoptedDatabase } from "./adopted-database.ts";
import { removeDatabase } from "./database-file.ts";
import { IndexDatabase, type PackRow } from "./index-database.ts";
import { lockFile } from "./file-lock.ts";
import { dropRoots } from "./kept-roots.ts";
import { bootId, type Layout, makeTmpFile, replaceFile } from "./layout.ts";
import { type PackFile, readPackFile } from "./pack-file.ts";
import { quarantine } from "./quarantine.ts";
import { alone, lockShared } from "./store-lock.ts";
import { isHindrance, onDisk, readTwice } from "./system-fault.ts";

/** Told what was put right without being asked, in a sentence without a full stop. */
export type OnRecover = (what: string) => void;

/** Of a process that holds no lease, or that holds one. */
export interface OpenIndexOptions {
  readonly onRecover: OnRecover;
  readonly isLeased: boolean;
  /** How long a lease is waited for where there is none. */
  readonly waitMs?: number;
}

/**
 * Opens the index. Where it is missing, damaged or of another version it is made from the packs. In the first
 * opening since the kernel started it is brought in line with the packs, because what was written last may not
 * have reached the disk; for the same reason all links are dropped.
 *
 * A lease is held meanwhile: else a pack could get its row again between the moments when garbage collection takes
 * the row and the file.
 */
export function openIndex(layout: Layout, { onRecover, isLeased, waitMs }: OpenIndexOptions): IndexDatabase {
  return onDisk("open the store's index", () => {
    const boot = bootId();
    if (boot !== "") dropOld(layout, boot);
    const index = openCurrent(layout, boot);
    if (index !== undefined) return index;
    const lease = isLeased ? undefined : lockShared(layout, waitMs);
    try {
      return alone(layout, () => recover(layout, { boot, onRecover }));
    } finally {
      lease?.release();
    }
  });
}

/** Makes the index anew from the packs, whatever the one that is there says. The caller holds a lease. */
export function renewIndex(layout: Layout): IndexDatabase {
  return onDisk("make the store's index", () => alone(layout, () => makeIndex(layout, bootId())));
}

/** Undefined where it must be made or brought in line first. */
function openCurrent(layout: Layout, boot: string): IndexDatabase | undefined {
  const index = IndexDatabase.open(layout.index);
  if (index !== undefined && boot !== "" && index.getMeta("boot") === boot) return index;
  index?.close();
  return undefined;
}

function recover(layout: Layout, { boot, onRecover }: { boot: string; onRecover: OnRecover }): IndexDatabase {
  const index = IndexDatabase.open(layout.index);
  // Another process was faster.
  if (index !== undefined && boot !== "" && index.getMeta("boot") === boot) return index;
  const isThere = lstatSync(layout.index, { throwIfNoEntry: false }) !== undefined;
  // Looking at every page is dear, and a file is not damaged without a reason: a power failure is one.
  if (index === undefined || !isSound(index)) {
    index?.close();
    const made = makeIndex(layout, boot);
    const packs = made.packs().length;
    const state = isThere ? "damaged or of another version" : "not there";
    if (packs > 0) onRecover(`made the store's index again from ${packs} packs: it was ${state}`);
    return made;
  }
  const { added, forgotten } = alignIndex(index, layout, { forget: true });
  index.setMeta("boot", boot);
  const changes = [added > 0 ? `found ${added} packs again` : "", forgotten > 0 ? `lost ${forgotten} packs` : ""];
  if (added + forgotten > 0) onRecover(`the store's index ${changes.filter(Boolean).join(" and ")} after a crash`);
  return index;
}

/**
 * Packs are listed after the new index has taken the name, because a build may go on with the one before: whoever has
 * given a pack its name and its row looks then whether its index still has the name. If it has, the pack was there
 * before the new index came, and is listed here; if not, the row is written again (`DiskStore`).
 */
function makeIndex(layout: Layout, boot: string): IndexDatabase {
  if (lstatSync(layout.index, { throwIfNoEntry: false })?.isDirectory() === true) quarantine(layout, layout.index);
  const index = IndexDatabase.create(layout.index, layout.rights.file);
  alignIndex(index, layout, { forget: true });
  index.finish();
  index.setMeta("boot", boot);
  return index;
}

/**
 * Drops what is not synced, in the first opening since the kernel started: after a power failure it may have the right
 * name and size, and other bytes. Never beside a build: who holds a lease has opened the store since, and did it then,
 * also where that was an earlier release, which does not write `boot`. In a member's store every release does, and the
 * leases of others say nothing of it.
 */
function dropOld(layout: Layout, boot: string): void {
  const isCurrent = (): boolean => existsSync(layout.boot) && readFileSync(layout.boot, "utf8") === boot;
  if (isCurrent()) return;
  alone(layout, () => {
    if (isCurrent()) return;
    const lease = layout.isShared ? undefined : lockFile(layout.leaseLock, "exclusive", 0);
    if (lease === undefined && !layout.isShared) return;
    try {
      dropDerived(layout);
      replaceFile(makeTmpFile(layout.tmp, "boot"), layout.boot, boot);
    } finally {
      lease?.release();
    }
  });
}

function dropDerived(layout: Layout): void {
  rmSync(layout.plans, { recursive: true, force: true });
  dropRoots(layout);
  dropLinks(layout);
  const adopted = AdoptedDatabase.open(layout.adopted);
  if (adopted === undefined) removeDatabase(layout.adopted);
  adopted?.close();
}

function isSound(index: IndexDatabase): boolean {
  try {
    return index.faults({ ofIndexes: false }).length === 0;
  } catch (error) {
    if (!isAshlarError(error, "STORE_INDEX_DAMAGED")) throw error;
    return false;
  }
}

function dropLinks(layout: Layout): void {
  const old = join(layout.tmp, "links");
  rmSync(old, { recursive: true, force: true });
  try {
    for (const name of readdirSync(layout.links)) {
      renameSync(join(layout.links, name), old);
      rmSync(old, { recursive: true, force: true });
    }
  } catch (error) {
    if (!isSystemError(error, "ENOENT")) throw error;
  }
}

/**
 * Adds packs that the index does not know, and with `forget` drops those whose file is gone. A damaged pack is
 * left to fsck. Returns how many packs were taken up and forgotten. The caller holds a lease, so no pack goes
 * meanwhile: what was listed is still there when it gets its row.
 */
export function alignIndex(
  index: IndexDatabase,
  layout: Layout,
  options: { readonly forget: boolean },
): { readonly added: number; readonly forgotten: number } {
  const there = new Set(listPacks(layout));
  const known = new Set<Digest>();
  const gone: PackRow[] = [];
  for (const pack of index.packs()) {
    if (!options.forget || there.has(pack.id) || isFile(layout.pack(pack.id))) known.add(pack.id);
    else gone.push(pack);
  }
  // One by one: a transaction over all would keep every page that it changes.
  for (const pack of gone) index.transaction(() => index.removePack(pack));
  let added = 0;
  for (const id of there) if (!known.has(id)) added += Number(adoptPack(index, layout, id));
  return { added, forgotten: gone.length };
}

/** Asked again of a pack that was not listed: a build may have put it there since. */
function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function adoptPack(index: IndexDatabase, layout: Layout, id: Digest): boolean {
  const pack = readSound(layout, id);
  if (pack === undefined) return false;
  index.transaction(() => index.addPack(pack));
  return true;
}

function readSound(layout: Layout, id: Digest): PackFile | undefined {
  try {
    return readTwice(() => readPackFile(layout.pack(id), id));
  } catch (error) {
    if (!isAshlarError(error) || isHindrance(error)) throw error;
    return undefined;
  }
}

/** The packs in the store's directory, by name. Files of other names are no packs. */
export function listPacks(layout: Layout): Digest[] {
  const ids: Digest[] = [];
  for (const dir of readdirSync(layout.packs).sort()) {
    if (!/^[0-9a-f]{2}$/.test(dir)) continue;
    for (const name of readdirSync(join(layout.packs, dir)).sort()) {
      const match = /^([0-9a-f]{64})\.pack$/.exec(name);
      if (match !== null && name.startsWith(dir)) ids.push(digestFromHex(match[1] as string));
    }
  }
  return ids;
}
