// SPDX-License-Identifier: Apache-2.0
import { closeSync, fchmodSync, fsyncSync, renameSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";

import { AshlarError, isAshlarError } from "../base/index.ts";
import { type Layout, makeTmpFile, privateRights } from "./layout.ts";
import { fullHint, onDisk } from "./system-fault.ts";

/** What SQLite needs to open both databases and to take rows out of them. */
const reserveBytes = 1 << 19;

/** How many bytes may be written to the store's disk, beside its reserve. */
export function roomIn({ dir }: Layout): number {
  const { bavail, bsize } = statfsSync(dir);
  return Math.max(0, bavail * bsize - 2 * reserveBytes);
}

/**
 * Gives up the store's reserve where the disk is full: SQLite cannot even open a database then, and removing things
 * takes some room first.
 */
export function takeReserve({ dir, reserve }: Layout): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bavail * bsize < reserveBytes) onDisk("make room", () => rmSync(reserve, { force: true }));
}

/**
 * Makes sure that there is room for SQLite's shared memory where blocks are smaller than pages, as on small disks of
 * ext4: SQLite allots one block of each page, and the kernel ends a process that writes to the rest of one and finds
 * the disk full (SIGBUS). Throws `STORE_DISK_FULL`.
 */
export function verifyRoom({ dir }: Layout): void {
  const { bavail, bsize } = statfsSync(dir);
  if (bsize >= 4096 || bavail * bsize >= reserveBytes / 2) return;
  throw new AshlarError("STORE_DISK_FULL", `Cannot open store "${dir}": no space left`, { hint: fullHint });
}

/** Sets room aside for the day when the disk is full, if there is some now. Its bytes do not compress. */
export function keepReserve(layout: Layout): void {
  if (statSync(layout.reserve, { throwIfNoEntry: false })?.size === reserveBytes) return;
  unlessFull(() => {
    const file = makeTmpFile(layout.tmp, "reserve");
    try {
      onDisk("keep a reserve", () => {
        const bytes = noise();
        for (let at = 0; at < bytes.length; ) at += writeSync(file.fd, bytes, at);
        // A disk that allots blocks late says only now that it is full.
        fsyncSync(file.fd);
        fchmodSync(file.fd, privateRights.file);
        renameSync(file.path, layout.reserve);
      });
    } finally {
      closeSync(file.fd);
      rmSync(file.path, { force: true });
    }
  });
}

/** Runs a step that can be left out where the disk is full. Returns whether it was done. */
export function unlessFull(step: () => unknown): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (!isAshlarError(error, "STORE_DISK_FULL")) throw error;
    return false;
  }
}

function noise(): Uint8Array {
  const words = new Uint32Array(reserveBytes / 4);
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}
