// SPDX-License-Identifier: Apache-2.0
import { baseNameOf } from "../../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Tree } from "../../formats/index.ts";

/**
 * What an engine makes of a layer over a file system (OCI image-spec v1.1, layer.md). Files are kept by
 * identity, so that a hard link to a file of the layer below, which engines handle differently, shows.
 */
export function applyLayer(lower: Tree, layer: Tree): Tree {
  const inodes = new Map<string, { readonly entry: Entry; readonly file?: FileEntry }>();
  for (const entry of lower) add(inodes, entry);
  for (const entry of layer) {
    const name = baseNameOf(entry.path);
    if (!name.startsWith(".wh.")) continue;
    remove(inodes, entry.path.slice(0, -name.length) + name.slice(4));
  }
  for (const entry of layer) {
    if (baseNameOf(entry.path).startsWith(".wh.")) continue;
    if (entry.type !== "dir" || inodes.get(entry.path)?.entry.type !== "dir") remove(inodes, entry.path);
    add(inodes, entry);
  }
  return toTree(inodes);
}

type Inodes = Map<string, { readonly entry: Entry; readonly file?: FileEntry }>;

function add(inodes: Inodes, entry: Entry): void {
  if (entry.type === "file") inodes.set(entry.path, { entry, file: entry });
  else if (entry.type !== "hardlink") inodes.set(entry.path, { entry });
  else {
    const file = inodes.get(entry.target)?.file;
    if (file === undefined) throw new Error(`the layer links ${entry.path} to ${entry.target}, which is not there`);
    inodes.set(entry.path, { entry, file });
  }
}

function remove(inodes: Inodes, path: string): void {
  for (const other of [...inodes.keys()]) if (other === path || other.startsWith(`${path}/`)) inodes.delete(other);
}

/** The first name of each inode is the file, the others are links to it. */
function toTree(inodes: Inodes): Tree {
  const first = new Map<FileEntry, Entry>();
  return makeTree(
    makeTree([...inodes].map(([, { entry }]) => entry)).map((entry) => {
      const file = inodes.get(entry.path)?.file;
      if (file === undefined) return entry;
      const target = first.get(file);
      if (target === undefined) {
        const made: Entry = { ...file, path: entry.path };
        first.set(file, made);
        return made;
      }
      const { content: _content, sizeBytes: _sizeBytes, ...meta } = file;
      return { ...meta, type: "hardlink", path: entry.path, target: target.path };
    }),
  );
}
