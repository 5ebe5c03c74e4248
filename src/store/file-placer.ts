// SPDX-License-Identifier: Apache-2.0
import { closeSync, fchmodSync, fchownSync, futimesSync, linkSync, openSync, writeSync } from "node:fs";

import type { Digest } from "../base/index.ts";
import type { FileEntry } from "../formats/index.ts";
import { type FilePlacer, type HostPath, ownOwner, settableMeta, timeOf } from "./checkout.ts";
import { writeXattrs } from "./xattr.ts";

/** Reads a content piece by piece, proven. */
export type ReadContent = (digest: Digest) => Iterable<Uint8Array>;

/** Writes a file with everything an entry says of it; `fd` is a new empty file at `path`, and is closed. */
export function fillFile(entry: FileEntry, path: HostPath, fd: number, readContent: ReadContent): void {
  try {
    for (const bytes of readContent(entry.content)) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    }
    // Writing and a change of owner take away capabilities and set-user-id, so those come after.
    fchownSync(fd, entry.uid, entry.gid);
    writeXattrs(path, entry.xattrs);
    fchmodSync(fd, entry.mode);
    const time = timeOf(entry);
    futimesSync(fd, time, time);
  } finally {
    closeSync(fd);
  }
}

/** Makes files of their own, whose owner may change them without harm to the store. */
export function copyPlacer(readContent: ReadContent): FilePlacer {
  const owner = ownOwner();
  return {
    place(entry, paths) {
      const [first, ...others] = paths as [HostPath, ...HostPath[]];
      fillFile(settableMeta(entry, owner), first, openSync(first, "wx", 0o600), readContent);
      for (const other of others) linkSync(first, other);
    },
  };
}
