// SPDX-License-Identifier: Apache-2.0
import { closeSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";

/** Small pieces are gathered to this size: a system call for each of them would cost more than copying. */
const bufferBytes = 1 << 20;
let counter = 0;

/**
 * A file that is not there until it is complete: written under a temporary name in the same directory and
 * renamed by `commit`. It is not synced: whoever reads an image verifies it, and a lost one is made again.
 * Throws `REGISTRY_WRITE`.
 */
export class FileWriter {
  readonly #path: string;
  readonly #tempPath: string;
  #fd: number | undefined;
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #fill = 0;
  /** Bytes written so far. */
  position = 0;

  constructor(path: string) {
    this.#path = path;
    for (;;) {
      this.#tempPath = join(dirname(path), `.${basename(path).slice(0, 100)}.${process.pid}.${counter++}.tmp`);
      try {
        this.#fd = openSync(this.#tempPath, "wx");
        return;
      } catch (error) {
        if (!isSystemError(error, "EEXIST")) throw this.#failed(error);
      }
    }
  }

  write(bytes: Uint8Array): void {
    if (this.#fill + bytes.length > bufferBytes) this.#flush();
    if (bytes.length >= bufferBytes) this.#writeAll(bytes);
    else {
      this.#buffer.set(bytes, this.#fill);
      this.#fill += bytes.length;
    }
    this.position += bytes.length;
  }

  /** Overwrites bytes that were written before. */
  patch(bytes: Uint8Array, position: number): void {
    this.#flush();
    this.#writeAll(bytes, position);
  }

  /** Takes back everything behind `position`. */
  truncate(position: number): void {
    this.#flush();
    this.#guard((fd) => ftruncateSync(fd, position));
    this.position = position;
  }

  /** Puts the file in its place. */
  commit(): void {
    this.#flush();
    const fd = this.#fd;
    if (fd === undefined) throw new Error("internal error: the file is closed");
    // Closed also where that fails: its number may soon be another file's.
    this.#fd = undefined;
    try {
      closeSync(fd);
      renameSync(this.#tempPath, this.#path);
    } catch (error) {
      rmSync(this.#tempPath, { force: true });
      throw this.#failed(error);
    }
  }

  /** Removes what was written; harmless after `commit`. */
  abort(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#tempPath, { force: true });
  }

  #flush(): void {
    const length = this.#fill;
    this.#fill = 0;
    if (length > 0) this.#writeAll(this.#buffer.subarray(0, length), this.position - length);
  }

  #writeAll(bytes: Uint8Array, position = this.position): void {
    this.#guard((fd) => {
      let done = 0;
      while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
    });
  }

  #guard(work: (fd: number) => void): void {
    if (this.#fd === undefined) throw new Error("internal error: the file is closed");
    try {
      work(this.#fd);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(cause: unknown): AshlarError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new AshlarError("REGISTRY_WRITE", `Cannot write "${this.#path}": ${reason}`, { cause });
  }
}

/** Writes a whole small file, or none. */
export function writeFile(path: string, bytes: Uint8Array): void {
  const writer = new FileWriter(path);
  try {
    writer.write(bytes);
    writer.commit();
  } finally {
    writer.abort();
  }
}
