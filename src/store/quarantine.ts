// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, fstatSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

import { freedBy, pathsBelow } from "./disk-use.ts";
import type { GcAmount } from "./gc-report.ts";
import { type Layout, makeDirs, makeTmpFile } from "./layout.ts";
import { removeTree } from "./remove-tree.ts";
import { onDisk } from "./system-fault.ts";

/**
 * Moves what is damaged out of use, into a directory that only gc empties: a repair must not be what destroys the
 * last copy. Returns where it lies now; undefined where there was nothing.
 */
export function quarantine(layout: Layout, path: string): string | undefined {
  return onDisk(`set "${path}" aside`, () => {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    makeDirs(layout.quarantine, layout.rights.dir);
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

/** What lies in quarantine stays this long for whoever wants to look into it. */
const keptMs = 14 * 86_400_000;

/**
 * Removes what was set aside two weeks ago or more by the clock of the file system, or with `purge` all of it; only
 * counts with `dryRun`. Nothing else ever looks at these files, so a clock that jumps does no harm. The bytes are those
 * on disk.
 */
export function emptyQuarantine(
  layout: Layout,
  options: { readonly purge?: boolean; readonly dryRun?: boolean },
): GcAmount {
  const paths = listQuarantine(layout);
  if (paths.length === 0) return { count: 0, bytes: 0 };
  const until = options.purge === true ? Infinity : fileSystemNow(layout) - keptMs;
  let [count, bytes] = [0, 0];
  for (const path of paths) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    // Gone: others collect garbage too. Renaming a file changes its ctime.
    if (stats === undefined || stats.ctimeMs > until) continue;
    count++;
    bytes += freedBy([path, ...pathsBelow(path)]);
    if (options.dryRun !== true) removeTree(path);
  }
  return { count, bytes };
}

function fileSystemNow(layout: Layout): number {
  const { path, fd } = makeTmpFile(layout.tmp, "now");
  try {
    return fstatSync(fd).ctimeMs;
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}

function freeName(path: string): string {
  let free = path;
  for (let i = 1; lstatSync(free, { throwIfNoEntry: false }) !== undefined; i++) free = `${path}~${i}`;
  return free;
}
