// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { chmodSync, lstatSync, readdirSync, rmdirSync, rmSync, unlinkSync } from "node:fs";

import { isSystemError } from "../base/index.ts";
import { type HostPath, ownOwner } from "./entry-meta.ts";

/**
 * Removes a directory with all in it. What a sandbox left without root may belong to other users of its
 * namespace, or lie in directories nobody may write: that is removed as the root of such a namespace, where
 * there is one (`unshare` of util-linux, /etc/subuid).
 */
export function removeTree(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
  } catch (error) {
    if (process.geteuid?.() === 0 || !isSystemError(error, "EACCES", "EPERM", "ENOTEMPTY")) throw error;
    for (const map of ["--map-auto", "--map-root-user"]) {
      const user = ["--user", ...new Set([map, "--map-root-user"])];
      const { status } = spawnSync("unshare", [...user, "rm", "-rf", "--", dir], { stdio: "ignore" });
      if (status === 0) return;
    }
    throw error;
  }
}

/** Removes an entry with all in it, following no links. Returns how many entries it were. */
export function removeEntry(path: HostPath): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) {
    unlinkSync(path);
    return 1;
  }
  if (ownOwner() !== undefined && (stats.mode & 0o700) !== 0o700) chmodSync(path, 0o700);
  let count = 1;
  for (const name of readdirSync(path, { encoding: "buffer" })) {
    count += removeEntry(Buffer.concat([Buffer.from(path), Buffer.from("/"), name]));
  }
  rmdirSync(path);
  return count;
}
