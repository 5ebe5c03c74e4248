// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";

import { type Digest, pathToBytes } from "../base/index.ts";
import type { FileEntry, SymlinkEntry } from "../formats/index.ts";
import { type HostPath, ownOwner, settableMeta, timeOf } from "./entry-meta.ts";
import type { LinkedEntry } from "./link-farm.ts";
import type { ReadyLinks } from "./tree-parts.ts";
import { writeXattrs } from "./xattr.ts";

/** Reads a content piece by piece, proven. */
export type ReadContent = (digest: Digest) => Iterable<Uint8Array>;

/** Makes regular files and symlinks. */
export interface Placer {
  /** Makes one file under all of these names, which do not exist yet: the first, and its hard links. */
  place(entry: LinkedEntry, paths: readonly HostPath[]): void;
  /** Links what was planned before. Absent: there are no links here. */
  placeReady?(ready: ReadyLinks, root: string): void;
}

/** Writes a file with everything an entry says of it; `fd` is a new empty file at `path`, and is closed. */
export function fillFile(entry: FileEntry, path: HostPath, fd: number, readContent: ReadContent): void {
  try {
    for (const bytes of readContent(entry.content)) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    }
    finishFile(entry, path, fd);
  } finally {
    closeSync(fd);
  }
}

/** Writing and a change of owner take away capabilities and set-user-id, so those come after. */
function finishFile(entry: FileEntry, path: HostPath, fd: number): void {
  fchownSync(fd, entry.uid, entry.gid);
  writeXattrs(path, entry.xattrs);
  fchmodSync(fd, entry.mode);
  const time = timeOf(entry);
  futimesSync(fd, time, time);
}

/** Gives a new symlink its owner, attributes and time. */
export function fillSymlink(entry: SymlinkEntry, path: HostPath): void {
  lchownSync(path, entry.uid, entry.gid);
  writeXattrs(path, entry.xattrs);
  const time = timeOf(entry);
  lutimesSync(path, time, time);
}

/** Makes files of their own, whose owner may change them without harm to the store. */
export function copyPlacer(readContent: ReadContent): Placer {
  return ownFiles((entry, path) => fillFile(entry, path, openSync(path, "wx", 0o600), readContent));
}

/** Makes files of their own that share their blocks with the store's links until they are written to. */
export function reflinkPlacer(pathOfLink: (entry: FileEntry) => string, readContent: ReadContent): Placer {
  const isRoot = ownOwner() === undefined;
  return ownFiles((entry, path) => {
    // What its owner must not read cannot be cloned either.
    if (!isRoot && (entry.mode & 0o400) === 0) {
      return fillFile(entry, path, openSync(path, "wx", 0o600), readContent);
    }
    copyFileSync(pathOfLink(entry), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      finishFile(entry, path, fd);
    } finally {
      closeSync(fd);
    }
  });
}

function ownFiles(make: (entry: FileEntry, path: HostPath) => void): Placer {
  const owner = ownOwner();
  return {
    place(entry, paths) {
      const [first, ...others] = paths as [HostPath, ...HostPath[]];
      const settled = settableMeta(entry, owner);
      if (settled.type === "file") {
        make(settled, first);
      } else {
        symlinkSync(pathToBytes(settled.target), first);
        fillSymlink(settled, first);
      }
      for (const other of others) linkSync(first, other);
    },
  };
}
