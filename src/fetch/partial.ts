// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

import { type Digest, Hasher, isSystemError } from "../base/index.ts";

let counter = 0;

/**
 * The beginning of a file that is being downloaded, named `<file>.part-<namespace>-<pid>-<n>`. What a dead process
 * of the same PID namespace left is taken over, so that a download goes on where it stopped. The final name appears
 * only when the digest is right; until then nobody takes the file for the content.
 */
export class Partial {
  readonly #final: string;
  /** Where the bytes lie until they are published. */
  readonly path: string;
  #file: number;
  #hasher = new Hasher();

  constructor(final: string) {
    this.#final = final;
    this.path = `${final}.part-${pidNamespace()}-${process.pid}-${counter++}`;
    mkdirSync(dirname(final), { recursive: true });
    takeOver(final, this.path);
    this.#file = openPart(this.path);
    this.#hashWhatIsThere();
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
    const isEmpty = this.sizeBytes === 0;
    closeSync(this.#file);
    try {
      if (isEmpty) rmSync(this.path, { force: true });
      else renameSync(this.path, `${this.#final}.part`);
    } catch (error) {
      if (!isSystemError(error, "ENOENT")) throw error;
    }
  }

  #hashWhatIsThere(): void {
    hashFile(this.#file, this.#hasher);
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

/** Renaming is atomic: of several processes only one gets what was left behind. */
function takeOver(final: string, path: string): void {
  for (const name of leftBehind(final)) {
    try {
      renameSync(join(dirname(final), name), path);
      return;
    } catch (error) {
      if (!isSystemError(error, "ENOENT")) throw error;
    }
  }
}

function leftBehind(final: string): string[] {
  const start = `${basename(final)}.part`;
  return readdirSync(dirname(final)).filter((name) => {
    if (!name.startsWith(start)) return false;
    const [, namespace, pid] = /^-(\d+)-(\d+)-\d+$/.exec(name.slice(start.length)) ?? [];
    return name === start || (namespace === pidNamespace() && !isAlive(Number(pid)));
  });
}

/** Containers that share a store do not see each other's processes: what looks dead may be written to. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES")) return "0";
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isSystemError(error, "EPERM");
  }
}
