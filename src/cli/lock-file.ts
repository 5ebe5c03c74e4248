// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { isSystemError } from "../base/index.ts";
import type { Project } from "../build/index.ts";
import { encodeLock, type Lock, parseLock } from "../lock/index.ts";

/** The project's lock, or undefined where there is none. Throws `LOCK_INVALID` and its kin. */
export function readLock(project: Project): Lock | undefined {
  try {
    return parseLock(readFileSync(project.lockPath), project.lockName);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Writes the lock whole or not at all. Returns false when the file says the same already. */
export function writeLock(project: Project, lock: Lock): boolean {
  const bytes = Buffer.from(encodeLock(lock));
  if (isSame(project.lockPath, bytes)) return false;
  const temporary = `${project.lockPath}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, bytes);
    renameSync(temporary, project.lockPath);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

function isSame(path: string, bytes: Buffer): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
}
