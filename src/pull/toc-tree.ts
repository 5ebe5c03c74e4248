// SPDX-License-Identifier: Apache-2.0
import { AshlarError, emptyDigest, parseEntryName } from "../base/index.ts";
import type { Entry, Meta } from "../formats/index.ts";
import type { TocEntry } from "../layer/index.ts";

/**
 * The entry of a tree that a table of contents describes. Only a digest of the tree tells whether it is the right
 * one: names that are not UTF-8 do not survive the table. Throws `PULL_ENTRY`, `PATH_INVALID`.
 */
export function treeEntry(toc: TocEntry): Entry {
  const path = parseEntryName(toc.name);
  if (path === undefined) throw new AshlarError("PULL_ENTRY", "Cannot read table of contents: it lists the root");
  const meta = metaOf(toc);
  switch (toc.type) {
    case "reg":
      return { ...meta, type: "file", path, sizeBytes: toc.sizeBytes, content: toc.content ?? emptyDigest };
    case "dir":
    case "fifo":
      return { ...meta, type: toc.type, path };
    case "symlink":
      return { ...meta, type: "symlink", path, target: toc.linkName };
    case "hardlink": {
      const target = parseEntryName(toc.linkName);
      if (target !== undefined) return { ...meta, type: "hardlink", path, target };
      throw new AshlarError("PULL_ENTRY", `Cannot read table of contents: "/${path}" is a link to the root`);
    }
    case "char":
    case "block":
      return { ...meta, type: toc.type, path, major: toc.major, minor: toc.minor };
  }
}

function metaOf({ mode, uid, gid, mtimeSeconds, xattrs }: TocEntry): Meta {
  const meta = { mode, uid, gid, mtimeSeconds };
  return xattrs === undefined ? meta : { ...meta, xattrs };
}
