// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { isSystemError } from "../base/index.ts";

/**
 * Copies a project's directories, files and links; modes are reduced to what an image can see of them, who
 * may execute. Paths in `without` are left out, and so is what this user may not read.
 */
export function copyProject(from: string, to: string, without: ReadonlySet<string>): void {
  mkdirSync(to, { mode: 0o700 });
  for (const name of namesIn(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const stat = lstatSync(source, { throwIfNoEntry: false });
    // Builds pass over names that are not UTF-8.
    if (stat === undefined || name.includes("\uFFFD") || without.has(source)) continue;
    if (stat.isDirectory()) copyProject(source, target, without);
    else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (stat.isFile() && copied(source, target)) chmodSync(target, (stat.mode & 0o100) === 0 ? 0o600 : 0o700);
  }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (isSystemError(error, "EACCES", "EPERM")) return [];
    throw error;
  }
}

function copied(from: string, to: string): boolean {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if (isSystemError(error, "EACCES", "EPERM", "ENOENT")) return false;
    throw error;
  }
}

/**
 * Brings a verified download to another place; false where it is not here any more. A link is enough for the
 * same user: downloads are never written to. Another user's would change the owner of the original.
 */
export function bringDownload(from: string, to: string, { link }: { readonly link: boolean }): boolean {
  mkdirSync(dirname(to), { recursive: true });
  if (link && linked(from, to)) return true;
  return copied(from, to);
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error, "EXDEV", "EPERM", "EMLINK", "ENOENT", "ENOTSUP")) return false;
    throw error;
  }
}

/** Gives a directory and all below it to a user and the group of the same number. */
export function giveTo(user: number, path: string): void {
  lchownSync(path, user, user);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(user, join(path, name));
}
