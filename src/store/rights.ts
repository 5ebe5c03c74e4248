// SPDX-License-Identifier: Apache-2.0
import { chmodSync, lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { AshlarError } from "../base/index.ts";
import { privateRights } from "./layout.ts";
import type { SharedPlace } from "./store-format.ts";

const madeDirs = ["packs", "links", "roots", "plans", "checkouts", "tmp", "logs"];
const ownDirs = [...madeDirs, "downloads", "downloads/sha256", "fetching", "quarantine"];
const databases = ["index.sqlite", "refs.sqlite", "adopted.sqlite"];
const ownFiles = ["format", "sharing", ...databases, "refs.log", "reserve", "boot", "lease.lock", "setup.lock"];
const databaseSuffixes = ["-wal", "-shm", "-journal"];

/** Who uses a store: the user of this process, unless the caller knows of another. */
export function storeUser(): number | undefined {
  return process.geteuid?.();
}

/**
 * Makes sure that a store's directory belongs to `uid`, and that nobody else could write to it. One that others may
 * only read is made private. Throws `STORE_FOREIGN`, `STORE_EXPOSED`, `STORE_STRANGE`.
 */
export function verifyPrivate(dir: string, uid: number | undefined): void {
  if (uid === undefined) return;
  const stats = statSync(dir);
  if (stats.uid !== uid) throw foreignStore(dir, stats.uid, uid);
  if ((stats.mode & 0o022) !== 0) throw exposed(dir, stats);
  if ((stats.mode & 0o077) !== 0) chmodSync(dir, privateRights.dir);
  verifyEntries(dir, (entry) => entry.uid === uid);
}

/** Root is refused too: who owns a directory can put anything in the place of what lies there. */
export function foreignStore(dir: string, owner: number, uid: number): AshlarError {
  const state = `it belongs to user ${owner}, want one of user ${uid}`;
  return new AshlarError("STORE_FOREIGN", `Cannot use store "${dir}": ${state}`, {
    hint: `set ASHLAR_STORE to a directory of your own, or as root: chown -R ${uid} ${quoted(dir)}`,
    details: { dir, owner, user: uid },
  });
}

function exposed(dir: string, { mode }: Stats): AshlarError {
  const state = `other users may write to it (mode ${(mode & 0o7777).toString(8)}), want it private`;
  return new AshlarError("STORE_EXPOSED", `Cannot use store "${dir}": ${state}`, {
    hint:
      "remove it if anybody there is not to be trusted; " +
      `else: chmod -R go-w ${quoted(dir)} && ashlar store fsck --full`,
    details: { dir },
  });
}

/**
 * Makes sure that a shared directory is still the one that the user said to use: of the same owner and group, and
 * writable for no others. Throws `STORE_FOREIGN`, `STORE_EXPOSED`, `STORE_GROUP`, `STORE_STRANGE`.
 */
export function verifyShared({ shared, uid, gid }: SharedPlace): void {
  const stats = statSync(shared);
  if (stats.uid !== uid || stats.gid !== gid) {
    const state = `it belongs to ${stats.uid}:${stats.gid}, and to ${uid}:${gid} when it was joined`;
    throw new AshlarError("STORE_FOREIGN", `Cannot use shared store "${shared}": ${state}`, {
      hint: "ask its owner; to use it as it is now, join it with a new store of your own",
    });
  }
  if ((stats.mode & 0o002) !== 0) throw exposed(shared, stats);
  verifyMember(shared, gid);
  verifyEntries(shared, () => true);
}

/** Throws `STORE_GROUP` where this process is not of the group. */
function verifyMember(dir: string, gid: number): void {
  if (process.geteuid?.() === 0 || process.getegid?.() === gid || process.getgroups?.().includes(gid) === true) return;
  throw new AshlarError("STORE_GROUP", `Cannot use shared store "${dir}": want a member of group ${gid}`, {
    hint: "ask for membership, and log in again after that",
  });
}

/** Symlinks would lead out of the store, and whoever opens a fifo waits for ever. Throws `STORE_STRANGE`. */
function verifyEntries(dir: string, isOurs: (stats: Stats) => boolean): void {
  const files = ownFiles.flatMap((name) => [name, ...(name.endsWith(".sqlite") ? withSuffixes(name) : [])]);
  for (const name of [...ownDirs, ...files]) {
    const stats = lstatSync(join(dir, name), { throwIfNoEntry: false });
    if (stats === undefined) continue;
    // Nobody else made it, and what can be made again is: the directory goes into quarantine.
    if (stats.isDirectory() && databases.includes(name) && stats.uid === storeUser()) continue;
    const want = ownDirs.includes(name) ? "directory" : "file";
    if (want === "file" ? !stats.isFile() : !stats.isDirectory()) throw strange(join(dir, name), `it is no ${want}`);
    if (!isOurs(stats)) throw strange(join(dir, name), `it belongs to user ${stats.uid}`);
  }
}

function withSuffixes(name: string): string[] {
  return databaseSuffixes.map((suffix) => name + suffix);
}

function strange(path: string, state: string): AshlarError {
  return new AshlarError("STORE_STRANGE", `Cannot use store with "${path}": ${state}, want what a store has there`, {
    hint: `look who put it there, then remove it or give it to the store's owner`,
    details: { path },
  });
}

function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/**
 * Tells who else may rename a directory on the way to `dir` and so put another one in its place; undefined where
 * nobody but root may. Both ways count, the one by symlinks and the one without.
 */
export function exposedParent(dir: string): string | undefined {
  const uid = storeUser();
  if (uid === undefined) return undefined;
  return exposedAbove(resolve(dir), uid) ?? exposedAbove(realpathSync(dir), uid);
}

function exposedAbove(dir: string, uid: number): string | undefined {
  for (let path = dirname(dir); ; path = dirname(path)) {
    const { uid: owner, gid, mode } = statSync(path);
    if (owner !== uid && owner !== 0) return `"${path}" belongs to user ${owner}`;
    const isSticky = (mode & 0o1000) !== 0;
    if (!isSticky && (mode & 0o002) !== 0) return `every user may write to "${path}"`;
    // A user's own group has no other members on most systems.
    const isOwn = gid === 0 || gid === process.getegid?.();
    if (!isSticky && (mode & 0o020) !== 0 && !isOwn) return `group ${gid} may write to "${path}"`;
    if (path === dirname(path)) return undefined;
  }
}
