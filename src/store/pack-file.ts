// SPDX-License-Identifier: Apache-2.0
import { closeSync, fchmodSync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";

import { AshlarError, type Digest, digestOf, isSystemError } from "../base/index.ts";
import { type Layout, makeTmpFile, publish, type TmpFile } from "./layout.ts";
import type { PackOutput } from "./pack-builder.ts";
import {
  encodePackFooter,
  encodePackHeader,
  encodePackTable,
  packFooterBytes,
  packHeaderBytes,
  type PackTable,
  parsePackFooter,
  parsePackHeader,
  parsePackTable,
} from "./pack-format.ts";
import { onDisk } from "./system-fault.ts";

/** A pack that has just become part of the store. */
export interface PackFile {
  readonly id: Digest;
  readonly sizeBytes: number;
  readonly table: PackTable;
}

const batchBytes = 1 << 20;
/** Batches of ended packs, for the next ones of this thread: fresh memory costs more than the write. */
const spareBatches: Buffer[] = [];

/** Writes one pack into a temporary file, in batches, and publishes it at the end. */
export class PackFileOutput implements PackOutput {
  readonly #layout: Layout;
  readonly #onCommit: (pack: PackFile) => void;
  #file: TmpFile | undefined;
  #batch: Buffer | undefined;
  /** Bytes of the pack that are in the file; those after them are in the batch. */
  #written = 0;
  #filled = 0;

  constructor(layout: Layout, onCommit: (pack: PackFile) => void) {
    this.#layout = layout;
    this.#onCommit = onCommit;
  }

  append(bytes: Uint8Array): void {
    this.#begin();
    this.#append(bytes);
  }

  /** What the header says is known at the end; its place is kept. */
  #begin(): void {
    if (this.#batch !== undefined) return;
    this.#batch = spareBatches.pop() ?? Buffer.allocUnsafeSlow(batchBytes);
    this.#append(new Uint8Array(packHeaderBytes));
  }

  #append(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > batchBytes) this.#flush();
    if (bytes.length > batchBytes) return this.#write(bytes);
    this.#batch?.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    this.#write(batch.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(bytes: Uint8Array): void {
    onDisk("write pack", () => {
      this.#file ??= makeTmpFile(this.#layout.packTmp, "pack");
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#file.fd, bytes, at, bytes.length - at, this.#written + at);
      }
    });
    this.#written += bytes.length;
  }

  rollback(offset: number): void {
    if (this.#batch === undefined) return;
    this.#filled = Math.max(0, offset - this.#written);
    this.#written = Math.min(this.#written, offset);
  }

  commit(table: PackTable): void {
    try {
      this.#begin();
      this.#putHeader(encodePackHeader(table));
      const bytes = encodePackTable(table);
      this.#append(bytes);
      this.#append(encodePackFooter(bytes));
      this.#flush();
      this.#publish({ id: digestOf(bytes), sizeBytes: this.#written, table });
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #putHeader(header: Uint8Array): void {
    if (this.#written === 0) return void this.#batch?.set(header, 0);
    const { fd } = this.#file as TmpFile;
    onDisk("write pack", () => {
      for (let at = 0; at < header.length; ) at += writeSync(fd, header, at, header.length - at, at);
    });
  }

  #publish(pack: PackFile): void {
    const file = this.#file as TmpFile;
    onDisk("write pack", () => {
      // What was taken back may reach beyond the end.
      ftruncateSync(file.fd, pack.sizeBytes);
      fchmodSync(file.fd, this.#layout.rights.pack);
      // From here on its number may be that of another thread's file.
      this.#file = undefined;
      publishOrRemove(file, () => publish(file, this.#layout.pack(pack.id), this.#layout.rights.dir));
    });
    this.#recycle();
    this.#onCommit(pack);
  }

  discard(): void {
    const file = this.#file;
    this.#file = undefined;
    this.#recycle();
    if (file === undefined) return;
    try {
      closeSync(file.fd);
    } finally {
      removeUnfinished(file);
    }
  }

  #recycle(): void {
    if (this.#batch !== undefined && spareBatches.length < 4) spareBatches.push(this.#batch);
    this.#batch = undefined;
    this.#written = 0;
    this.#filled = 0;
  }
}

function publishOrRemove(file: TmpFile, step: () => void): void {
  try {
    step();
  } catch (error) {
    removeUnfinished(file);
    throw error;
  }
}

/** What cannot be removed, because the disk fails, gc removes: the error that led here is the one to tell. */
function removeUnfinished({ path }: TmpFile): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (!isSystemError(error, "EIO", "EROFS", "EACCES", "EPERM", "EBUSY")) throw error;
  }
}

/**
 * Reads and proves a pack's header, footer and table; `id` is the digest its name holds. The frames are not
 * read. Throws `STORE_PACK_DAMAGED`, `STORE_FORMAT_NEWER`.
 */
export function readPackFile(path: string, id: Digest): PackFile {
  return onDisk(`read pack "${path}"`, () => {
    const fd = openSync(path, "r");
    try {
      return readPack(fd, id);
    } catch (error) {
      if (!(error instanceof AshlarError)) throw error;
      const message = error.message.replace("Cannot read pack", `Cannot read pack "${path}"`);
      throw new AshlarError(error.code, message, { hint: error.hint, cause: error });
    } finally {
      closeSync(fd);
    }
  });
}

function readPack(fd: number, id: Digest): PackFile {
  const sizeBytes = fstatSync(fd).size;
  const version = parsePackHeader(readAt(fd, 0, packHeaderBytes));
  const footer = parsePackFooter(readAt(fd, Math.max(0, sizeBytes - packFooterBytes), packFooterBytes), sizeBytes);
  const table = readAt(fd, footer.tableAt, footer.tableBytes);
  const actual = digestOf(table);
  if (actual !== footer.digest || actual !== id) {
    throw new AshlarError("STORE_PACK_DAMAGED", `Cannot read pack: its table is ${actual}, want ${id}`, {
      hint: "run `ashlar store fsck`",
    });
  }
  return { id, sizeBytes, table: parsePackTable(table, { version, tableAt: footer.tableAt }) };
}

/** Reads up to `length` bytes; fewer where the file ends. */
export function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const count = readSync(fd, bytes, got, length - got, offset + got);
    if (count === 0) break;
    got += count;
  }
  return got === length ? bytes : bytes.subarray(0, got);
}
