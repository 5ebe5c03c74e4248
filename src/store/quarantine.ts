// SPDX-License-Identifier: Apache-2.0
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";

import type { Layout } from "./layout.ts";
import { onDisk } from "./system-fault.ts";

/**
 * Moves what is damaged out of use, into a directory that only gc empties: a repair must not be what destroys the
 * last copy. Returns where it lies now; undefined where there was nothing.
 */
export function quarantine(layout: Layout, path: string): string | undefined {
  return onDisk(`set "${path}" aside`, () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    mkdirSync(layout.quarantine, { recursive: true, mode: 0o700 });
    const aside = freeName(join(layout.quarantine, basename(path)));
    renameSync(path, aside);
    return aside;
  });
}

/** A database goes with what SQLite keeps beside it. */
export function quarantineDatabase(layout: Layout, path: string): string | undefined {
  const aside = quarantine(layout, path);
  for (const suffix of ["-wal", "-shm"]) quarantine(layout, path + suffix);
  return aside;
}

/** What lies in quarantine: files, and directories that stood where a file of the store belongs. */
export function listQuarantine(layout: Layout): string[] {
  if (!existsSync(layout.quarantine)) return [];
  return readdirSync(layout.quarantine).sort().map((name) => join(layout.quarantine, name));
}

function freeName(path: string): string {
  let free = path;
  for (let i = 1; lstatSync(free, { throwIfNoEntry: false }) !== undefined; i++) free = `${path}~${i}`;
  return free;
}
