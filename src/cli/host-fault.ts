// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isSystemError } from "../base/index.ts";

const verbs: Readonly<Record<string, string>> = {
  scandir: "list", ftruncate: "write", fsync: "write", fstat: "read", stat: "read", lstat: "read", rm: "remove",
};

/**
 * Our error for what the operating system refused where no station said more: `HOST_DISK_FULL`, `HOST_ACCESS`,
 * `HOST_LIMIT`, `HOST_IO`. What it says of a name or number that we should not have used is a fault of ours, and is
 * returned as it is, like every other error.
 */
export function hostFault(error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  if (isSystemError(error, "ENOSPC", "EDQUOT")) return fault("HOST_DISK_FULL", error, "free space, then run again");
  if (isSystemError(error, "EACCES", "EPERM", "EROFS")) return fault("HOST_ACCESS", error);
  if (isSystemError(error, "EMFILE", "ENFILE", "EMLINK", "ENOMEM")) return fault("HOST_LIMIT", error);
  if (isSystemError(error, "EIO", "ENXIO", "ESTALE", "EUCLEAN", "ETIMEDOUT", "EBUSY")) return fault("HOST_IO", error);
  return error;
}

/** Node's message is `CODE: what is the matter, call 'path'`. */
function fault(code: string, cause: NodeJS.ErrnoException, hint?: string): AshlarError {
  const verb = verbs[cause.syscall ?? ""] ?? cause.syscall ?? "go on";
  const object = cause.path === undefined ? "a file" : `"${cause.path}"`;
  const [, state] = /^(?:[A-Z]+|, Unknown error): ([^,']+)/.exec(cause.message) ?? [];
  const shown = [state?.trim(), cause.code === "" || state === undefined ? cause.code : `(${cause.code})`];
  return new AshlarError(code, `Cannot ${verb} ${object}: ${shown.filter(Boolean).join(" ")}`, { cause, hint });
}
