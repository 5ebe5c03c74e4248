// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError, isSystemError } from "../base/index.ts";

export const fullHint = "free space, or run `ashlar store gc --grace 0`";

/** Runs a step and turns what the operating system says into our error; `what` is "write pack", "read ref". */
export function onDisk<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw storeFault(what, error);
  }
}

/**
 * Our error for one of the operating system or of SQLite: `STORE_DISK_FULL`, `STORE_ACCESS`, `STORE_BUSY`,
 * `STORE_INDEX_DAMAGED`, `STORE_IO`. Any other error is returned as it is.
 */
export function storeFault(what: string, cause: unknown): unknown {
  if (isSystemError(cause, "ENOSPC", "EDQUOT")) {
    return fault("STORE_DISK_FULL", what, "no space left", cause, fullHint);
  }
  if (isSystemError(cause, "EROFS", "EACCES", "EPERM")) {
    return fault("STORE_ACCESS", what, "access denied", cause, "the store must belong to the user who runs Ashlar");
  }
  if (isSystemError(cause, "ERR_SQLITE_ERROR")) return databaseFault(what, cause as SqliteError);
  if (cause instanceof Error && "syscall" in cause) return fault("STORE_IO", what, cause.message, cause);
  return cause;
}

/**
 * Tells whether an error is about the way to a file (rights, too many open files, no memory, no space), and so says
 * nothing of what the file holds.
 */
export function isHindrance(error: unknown): boolean {
  if (!isAshlarError(error)) return false;
  if (["STORE_ACCESS", "STORE_BUSY", "STORE_DISK_FULL"].includes(error.code)) return true;
  return isHindrance(error.cause) || isSystemError(error.cause, "EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR");
}

/** Runs a step that reads; once more where the disk failed to read: it may not fail again. */
export function readTwice<T>(step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!isReadFault(error)) throw error;
    return step();
  }
}

/** Tells whether an error is that the disk failed to read. */
export function isReadFault(error: unknown): boolean {
  return isAshlarError(error, "STORE_IO") && (isSystemError(error.cause, "EIO") || hasResultCode(error.cause, 10));
}

/** What `node:sqlite` throws; `errcode` is SQLite's extended result code (sqlite.org/rescode.html). */
type SqliteError = Error & { readonly errcode: number };

/** Tells whether an error is SQLite's and has one of these primary result codes. */
export function hasResultCode(error: unknown, ...codes: number[]): boolean {
  return isSystemError(error, "ERR_SQLITE_ERROR") && codes.includes((error as unknown as SqliteError).errcode & 0xff);
}

/** Tells whether an error means that a file is no sound SQLite database. */
export function isDamagedDatabase(error: unknown): boolean {
  if (hasResultCode(error, 11, 26)) return true; // SQLITE_CORRUPT, SQLITE_NOTADB
  // A flipped bit of the header's number of the schema's format is told as a plain error.
  return hasResultCode(error, 1) && (error as Error).message === "unsupported file format";
}

function databaseFault(what: string, cause: SqliteError): AshlarError {
  switch (cause.errcode & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return fault("STORE_BUSY", what, "another process holds it", cause, "try again when that process is done");
    case 10: // SQLITE_IOERR
      // SQLITE_IOERR_SHMSIZE: the memory that processes share is a file, and has no room.
      if (cause.errcode !== 4874) return fault("STORE_IO", what, cause.message, cause);
      return fault("STORE_DISK_FULL", what, "no space left", cause, fullHint);
    case 13: // SQLITE_FULL
      return fault("STORE_DISK_FULL", what, "no space left", cause, fullHint);
    case 3: // SQLITE_PERM
    case 8: // SQLITE_READONLY
    case 14: // SQLITE_CANTOPEN
      return fault("STORE_ACCESS", what, cause.message, cause, "the store must belong to the user who runs Ashlar");
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return fault("STORE_INDEX_DAMAGED", what, cause.message, cause, "run `ashlar store fsck`");
    default:
      return fault("STORE_IO", what, cause.message, cause);
  }
}

function fault(code: string, what: string, state: string, cause: unknown, hint?: string): AshlarError {
  return new AshlarError(code, `Cannot ${what}: ${state}`, { cause, hint });
}
