// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, type Stats } from "node:fs";

import { AshlarError, type Digest, isSystemError } from "../base/index.ts";
import type { PackRow } from "./index-database.ts";
import type { Layout } from "./layout.ts";
import { readAt } from "./pack-file.ts";
import { onDisk } from "./system-fault.ts";

/** Files kept open: a build reads hundreds of packs, a process may have 1024 files. */
const openFilesMax = 256;

/** Reads from packs, keeping their files open. */
export class PackReader {
  readonly #layout: Layout;
  /** By pack, whose number may be another one's in an index made anew; the one used longest ago first. */
  readonly #files = new Map<Digest, number>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Throws `STORE_CONTENT_DAMAGED` where the pack's file is gone or has another size. */
  read(pack: PackRow, offset: number, length: number): Uint8Array {
    const fd = this.#files.get(pack.id) ?? this.#open(pack);
    return onDisk("read pack", () => readAt(fd, offset, length));
  }

  #open(pack: PackRow): number {
    const path = this.#layout.pack(pack.id);
    const fd = onDisk("read pack", () => openIfThere(path));
    if (fd === undefined) throw damaged(path, "the file is gone");
    const { size } = onDisk("read pack", () => statOrClose(fd));
    if (size !== pack.sizeBytes) {
      closeSync(fd);
      throw damaged(path, `it has ${size} bytes, want ${pack.sizeBytes}`);
    }
    if (this.#files.size >= openFilesMax) this.#closeOldest();
    this.#files.set(pack.id, fd);
    return fd;
  }

  #closeOldest(): void {
    for (const [id, fd] of this.#files) {
      closeSync(fd);
      this.#files.delete(id);
      return;
    }
  }

  close(): void {
    for (const fd of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

function statOrClose(fd: number): Stats {
  try {
    return fstatSync(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function damaged(path: string, state: string): AshlarError {
  return new AshlarError("STORE_CONTENT_DAMAGED", `Cannot read pack "${path}": ${state}`, {
    hint: "run `ashlar store fsck --repair`, then build again",
  });
}
