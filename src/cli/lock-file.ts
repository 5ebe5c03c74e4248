// SPDX-License-Identifier: Apache-2.0
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { AshlarError, isSystemError } from "../base/index.ts";
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

/**
 * Writes the lock whole or not at all. Returns false when the file says the same already. Throws `LOCK_WRITE`
 * where the project's directory or its disk does not allow it.
 */
export function writeLock(project: Project, lock: Lock): boolean {
  const bytes = Buffer.from(encodeLock(lock));
  if (isSame(project.lockPath, bytes)) return false;
  const temporary = `${project.lockPath}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { force: true });
    writeFileSync(temporary, bytes, { flag: "wx" });
    renameSync(temporary, project.lockPath);
  } catch (error) {
    throw writeFault(project, error);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

function writeFault({ lockName }: Project, cause: unknown): unknown {
  const fault = (state: string, hint: string): AshlarError =>
    new AshlarError("LOCK_WRITE", `Cannot write lock "${lockName}": ${state}`, { hint, cause });
  if (isSystemError(cause, "ENOSPC", "EDQUOT")) return fault("no space left", "free space, then run again");
  if (isSystemError(cause, "EACCES", "EPERM", "EROFS")) {
    const hint = "make the project's directory writable, or keep a fresh lock there and build with --frozen";
    return fault("access denied, want a directory that can be written", hint);
  }
  return cause;
}

function isSame(path: string, bytes: Buffer): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
}
