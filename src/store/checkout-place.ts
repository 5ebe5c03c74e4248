// SPDX-License-Identifier: Apache-2.0
import { chmodSync, closeSync, constants, existsSync, fstatSync, lchownSync, lstatSync } from "node:fs";
import { openSync, readdirSync } from "node:fs";

import { AshlarError } from "../base/index.ts";
import { makeDirs } from "./layout.ts";
import { exposedParent, storeUser } from "./rights.ts";

/**
 * Makes the directory that a checkout goes to, or takes the one there, and gives `work` a path to it that stays the
 * same however others rename what is above. Root takes an empty directory from its owner first: that is whose it
 * will be, and nobody else may put symlinks in our way meanwhile. Throws `STORE_CHECKOUT_FOREIGN`.
 */
export function inCheckoutPlace<T>(dir: string, work: (at: string) => T): T {
  verifyNoForeignLink(dir);
  makeDirs(dir);
  if (!existsSync("/proc/self/fd")) return work(dir);
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    if (readdirSync(dir).length === 0) takeOver(dir, fd);
    // Paths by the descriptor take longer, and programs that we start cannot use our `self`.
    return work(exposedParent(dir) === undefined ? dir : `/proc/${process.pid}/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/** In a directory of all users anybody makes a symlink of a name that others may use. */
function verifyNoForeignLink(dir: string): void {
  const stats = lstatSync(dir, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() !== true || stats.uid === storeUser() || stats.uid === 0) return;
  const state = `it is a symlink that user ${stats.uid} made, want a directory`;
  throw new AshlarError("STORE_CHECKOUT_FOREIGN", `Cannot check out to "${dir}": ${state}`, {
    hint: "name a directory that only you can write to",
  });
}

function takeOver(dir: string, fd: number): void {
  const { uid, mode } = fstatSync(fd);
  const user = storeUser();
  if (user === undefined) return;
  if (uid !== user && user !== 0) {
    throw new AshlarError("STORE_CHECKOUT_FOREIGN", `Cannot check out to "${dir}": it belongs to user ${uid}`, {
      hint: "name a directory of your own",
    });
  }
  const at = `/proc/self/fd/${fd}/.`;
  if (uid !== user) lchownSync(at, user, -1);
  if ((mode & 0o022) !== 0) chmodSync(at, mode & 0o7755);
}
