// SPDX-License-Identifier: Apache-2.0
import type { Digest } from "../base/index.ts";
import type { ContentInfo, PackWriter } from "./store.ts";

/** One directory whose files may serve as contents. */
export interface AdoptedDir {
  /** Whole path, symbolic links resolved. */
  readonly dir: string;
  readonly files: number;
  readonly bytes: number;
}

export interface AdoptReport extends AdoptedDir {
  /** Of these, what was read and hashed; the rest had not changed since the last time. */
  readonly readFiles: number;
  readonly readBytes: number;
  /** Directories and files that could not be read, or whose name is not UTF-8. */
  readonly skipped: number;
  /** Files of the last time that are gone. */
  readonly forgotten: number;
}

export interface AdoptOptions {
  /** Told the size of each file after it was read. */
  readonly onRead?: (bytes: number) => void;
}

/** Files of the host that serve as contents without being in the store: what they held is remembered, never trusted. */
export interface AdoptedFiles {
  /**
   * Looks at all regular files of a directory and of those below it, on its file system; what has not changed since the
   * last time is not read again. Throws `STORE_ADOPT_DIR`.
   */
  add(dir: string, options?: AdoptOptions): AdoptReport;
  /** In the order of their paths. */
  list(): readonly AdoptedDir[];
  /** Tells whether the directory was an adopted one. */
  forget(dir: string): boolean;
  /** Which of some contents an adopted file may hold, with their sizes. Nothing is read. */
  sizes(digests: Iterable<Digest>): Map<Digest, number>;
  /**
   * Puts a content into a pack out of a file that holds it, proven by size and sha256. Files that changed are
   * forgotten; undefined where none is left.
   */
  take(digest: Digest, pack: PackWriter): ContentInfo | undefined;
}
