// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

import { type Digest, Hasher, isSystemError } from "../base/index.ts";

/**
 * The beginning of a file that is being downloaded, named `<file>.part`. Only who has the turn to fetch it
 * (`Store.beginFetch`) may open it; what an earlier one left is taken over, so that a download goes on where it
 * stopped. The final name appears only when the digest is right; until then nobody takes the file for the content.
 */
export class Partial {
  readonly #final: string;
  /** Where the bytes lie until they are published. */
  readonly path: string;
  #file: number;
  #hasher = new Hasher();

  constructor(final: string) {
    this.#final = final;
    this.path = `${final}.part`;
    mkdirSync(dirname(final), { recursive: true });
    this.#file = openPart(this.path);
    hashFile(this.#file, this.#hasher);
  }

  get sizeBytes(): number {
    return this.#hasher.sizeBytes;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    this.#hasher.update(bytes);
  }

  /** Back to nothing. */
  reset(): void {
    ftruncateSync(this.#file, 0);
    this.#hasher = new Hasher();
  }

  /** The digest of the bytes so far; nothing may be written after it but `reset`. */
  digest(): Digest {
    return this.#hasher.digest();
  }

  /** Gives the file its final name. */
  publish(): void {
    closeSync(this.#file);
    renameSync(this.path, this.#final);
  }

  /** Stops and removes what is there. */
  drop(): void {
    closeSync(this.#file);
    rmSync(this.path, { force: true });
  }

  /** Stops; what is there stays for the next try, of this process or another. */
  leave(): void {
    closeSync(this.#file);
    if (this.sizeBytes === 0) rmSync(this.path, { force: true });
  }
}

/**
 * Opens it for its owner and group: in a store that a group shares others go on with it. One that another member's
 * release left unreadable is begun anew.
 */
function openPart(path: string): number {
  try {
    const file = openSync(path, "a+", 0o600);
    if ((fstatSync(file).mode & 0o777) !== 0o660 && isOwn(file)) fchmodSync(file, 0o660);
    return file;
  } catch (error) {
    if (!isSystemError(error, "EACCES")) throw error;
    rmSync(path);
    return openSync(path, "a+", 0o660);
  }
}

function isOwn(file: number): boolean {
  return fstatSync(file).uid === process.geteuid?.();
}

/** One for all files: a build hashes hundreds, one after the other. */
let buffer: Buffer | undefined;

/** Feeds an open file to a hasher, from its beginning. */
export function hashFile(file: number, hasher: Hasher): void {
  buffer ??= Buffer.allocUnsafe(1 << 18);
  for (let at = 0; ;) {
    const got = readSync(file, buffer, 0, buffer.length, at);
    if (got === 0) return;
    hasher.update(buffer.subarray(0, got));
    at += got;
  }
}
