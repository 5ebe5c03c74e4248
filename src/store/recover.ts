// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { type Digest, digestFromHex, isAshlarError, isSystemError } from "../base/index.ts";
import { IndexDatabase, type PackRow } from "./index-database.ts";
import { dropRoots } from "./kept-roots.ts";
import { bootId, type Layout, makeTmpFile, replaceFile } from "./layout.ts";
import { readPackFile } from "./pack-file.ts";
import { alone } from "./store-lock.ts";
import { onDisk } from "./system-fault.ts";

/**
 * Opens the index. Where it is missing, damaged or of another version it is made from the packs. In the first
 * opening since the kernel started it is brought in line with the packs, because what was written last may not
 * have reached the disk; for the same reason all links are dropped.
 */
export function openIndex(layout: Layout): IndexDatabase {
  return onDisk("open the store's index", () => {
    const boot = bootId();
    if (layout.isShared) dropOldLinks(layout, boot);
    const index = IndexDatabase.open(layout.index);
    if (index !== undefined && boot !== "" && index.getMeta("boot") === boot) return index;
    index?.close();
    return alone(layout, () => recover(layout, boot));
  });
}

function recover(layout: Layout, boot: string): IndexDatabase {
  let index = IndexDatabase.open(layout.index);
  // Another process was faster.
  if (index !== undefined && boot !== "" && index.getMeta("boot") === boot) return index;
  // Looking at every page is dear, and a file is not damaged without a reason: a power failure is one.
  if (index !== undefined && !isSound(index)) {
    index.close();
    index = undefined;
  }
  index ??= IndexDatabase.create(layout.index, layout.rights.file);
  if (boot !== "") {
    dropRoots(layout);
    dropLinks(layout);
  }
  alignIndex(index, layout, { forget: true });
  index.finish();
  index.setMeta("boot", boot);
  return index;
}

/** Of a shared store's user: another one may have been the first since the kernel started. */
function dropOldLinks(layout: Layout, boot: string): void {
  const path = join(layout.dir, "boot");
  const isCurrent = (): boolean => boot !== "" && existsSync(path) && readFileSync(path, "utf8") === boot;
  if (isCurrent()) return;
  alone(layout, () => {
    if (isCurrent()) return;
    dropRoots(layout);
    dropLinks(layout);
    replaceFile(makeTmpFile(layout.tmp, "boot"), path, boot);
  });
}

function isSound(index: IndexDatabase): boolean {
  try {
    return index.faults().length === 0;
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
 * left to fsck.
 */
export function alignIndex(index: IndexDatabase, layout: Layout, options: { readonly forget: boolean }): void {
  const there = new Set(listPacks(layout));
  const known = new Set<Digest>();
  const gone: PackRow[] = [];
  for (const pack of index.packs()) {
    // A builder may have added one since the files were listed.
    const isGone = options.forget && !there.has(pack.id) && !existsSync(layout.pack(pack.id));
    if (isGone) gone.push(pack);
    else known.add(pack.id);
  }
  // One by one: a transaction over all would keep every page that it changes.
  for (const pack of gone) index.transaction(() => index.removePack(pack));
  for (const id of there) if (!known.has(id)) adoptPack(index, layout, id);
}

function adoptPack(index: IndexDatabase, layout: Layout, id: Digest): void {
  try {
    const pack = readPackFile(layout.pack(id), id);
    index.transaction(() => index.addPack(pack));
  } catch (error) {
    if (!isAshlarError(error)) throw error;
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
