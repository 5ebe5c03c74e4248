// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";

import { AshlarError, type ErrorParts, type ImagePath, isSystemError, pathToBytes, showPath } from "../base/index.ts";
import { readPiece } from "./file-reader.ts";

const pieceBytes = 1 << 20;
const slash = Buffer.from("/");

/**
 * The files of a layer that an engine laid out in a directory. What lies in there came from an image: no symbolic
 * link is followed, neither as a file nor on the way to one. Throws `REGISTRY_STORAGE`.
 */
export class LayerFiles {
  readonly #dir: Buffer;
  /** Directories that were looked at, relative to `dir`. */
  readonly #known = new Set<string>();

  constructor(dir: string) {
    this.#dir = Buffer.from(dir);
  }

  /** The bytes of a regular file of exactly this size, in pieces that are the caller's. */
  *read(path: ImagePath, sizeBytes: number): Generator<Uint8Array, void, void> {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) this.#verifyDir(path.slice(0, at));
    const fd = this.#open(path, sizeBytes);
    try {
      for (let offset = 0; offset < sizeBytes; ) {
        const length = Math.min(pieceBytes, sizeBytes - offset);
        const piece = readPiece(fd, { path: showPath(path), offset, length });
        if (piece.length < length) throw storageError(`file "${showPath(path)}" became shorter while it was read`);
        offset += length;
        yield piece;
      }
    } finally {
      closeSync(fd);
    }
  }

  #verifyDir(path: string): void {
    if (this.#known.has(path)) return;
    const isDir = onFile(path, () => lstatSync(this.#whole(path)).isDirectory());
    if (!isDir) throw storageError(`"/${path}" is no directory, want one on the way to its file`);
    this.#known.add(path);
  }

  #open(path: ImagePath, sizeBytes: number): number {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = onFile(path, () => openSync(this.#whole(path), flags));
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size === sizeBytes) return fd;
    closeSync(fd);
    const found = stats.isFile() ? `has ${stats.size} bytes` : "is no regular file";
    throw storageError(`"${showPath(path)}" ${found}, want a file of ${sizeBytes} bytes`);
  }

  #whole(path: string): Buffer {
    return Buffer.concat([this.#dir, slash, pathToBytes(path)]);
  }
}

function onFile<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (isSystemError(cause, "ENOENT", "ENOTDIR")) throw storageError(`file "/${path}" is not there`, { cause });
    if (isSystemError(cause, "ELOOP")) throw storageError(`"/${path}" is a symbolic link, want a file`, { cause });
    if (!isSystemError(cause, "EACCES", "EPERM")) throw storageError(`file "/${path}": ${String(cause)}`, { cause });
    const hint = "read it as the storage's owner: `podman unshare ashlar ...`, or `podman save` it to a docker-archive";
    throw storageError(`access to file "/${path}" is denied`, { hint, cause });
  }
}

/** What is wrong with the layer that an engine keeps. */
export function storageError(state: string, parts: ErrorParts = {}): AshlarError {
  return new AshlarError("REGISTRY_STORAGE", `Cannot read layer in containers-storage: ${state}`, parts);
}
