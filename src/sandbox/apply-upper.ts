// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, comparePaths, type ImagePath, parentOf } from "../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Meta, type Tree } from "../formats/index.ts";
import type { Upper } from "./upper.ts";

/**
 * The tree that an overlay shows: `lower` with the upper directory on top. An entry of the upper that says what
 * the lower said already (overlayfs copies files up for a change of metadata and back) stays as it was, with its
 * time; so does its membership in a group of hard links, which copying up breaks.
 */
export function applyUpper(lower: Tree, upper: Upper): Tree {
  if (upper.entries.size === 0 && upper.whiteouts.size === 0) return lower;
  const before = new Map(lower.map((entry) => [entry.path, entry]));
  const kept = keptOf(lower, upper);
  const touched = touchedGroups(lower, kept, upper);
  const files = new FileGroups();
  const same: Entry[] = [];
  for (const entry of kept) {
    const inode = entry.type === "hardlink" ? entry.target : entry.path;
    if (!touched.has(inode)) same.push(entry);
    else files.add(entry.path, inode, fileAt(before, inode));
  }
  addUpperFiles(files, upper, before);
  const others: Entry[] = [];
  for (const entry of upper.entries.values()) {
    if (entry.type === "file" || entry.type === "hardlink") continue;
    const old = before.get(entry.path);
    others.push(old !== undefined && isSame(old, entry) ? old : entry);
  }
  // Sorting is cheap where most of it is in order.
  return makeTree([...same, ...others, ...files.entries()]);
}

/** Inodes of the lower of which a name is gone, or is in the upper, or is joined by one. */
function touchedGroups(lower: Tree, kept: readonly Entry[], upper: Upper): Set<ImagePath> {
  const seen = new Set(kept);
  const touched = new Set<ImagePath>();
  for (const entry of lower) {
    if (entry.type !== "file" && entry.type !== "hardlink") continue;
    if (!seen.has(entry) || upper.entries.has(entry.path)) {
      touched.add(entry.type === "hardlink" ? entry.target : entry.path);
    }
  }
  return touched;
}

/** What of the lower is seen through: not replaced, not gone, not below something that is. */
function keptOf(lower: Tree, upper: Upper): Entry[] {
  const hidden = new Set<ImagePath>();
  return lower.filter((entry) => {
    const { path } = entry;
    const parent = parentOf(path);
    const parentGone = parent !== undefined && hidden.has(parent);
    const above = upper.entries.get(path);
    if (parentGone || upper.whiteouts.has(path) || upper.opaque.has(path)) hidden.add(path);
    else if (above !== undefined && above.type !== "dir") hidden.add(path);
    return !parentGone && !upper.whiteouts.has(path) && above === undefined;
  });
}

/** Files by inode: the groups of names that share one. */
class FileGroups {
  readonly #groups = new Map<string, { readonly names: ImagePath[]; readonly file: FileEntry }>();

  add(name: ImagePath, group: string, file: FileEntry): void {
    const known = this.#groups.get(group);
    if (known === undefined) this.#groups.set(group, { names: [name], file });
    else known.names.push(name);
  }

  *entries(): Iterable<Entry> {
    for (const { names, file } of this.#groups.values()) {
      const [first, ...others] = names.sort(comparePaths) as [ImagePath, ...ImagePath[]];
      yield first === file.path ? file : { ...file, path: first };
      const { content: _content, sizeBytes: _sizeBytes, ...meta } = file;
      for (const path of others) yield { ...meta, type: "hardlink", path, target: first };
    }
  }
}

/**
 * A name that is as before keeps its inode of the lower, and new names of the same inode join it; a group of
 * which nothing is as before is a new inode.
 */
function addUpperFiles(files: FileGroups, upper: Upper, before: ReadonlyMap<ImagePath, Entry>): void {
  for (const [file, names] of upperGroups(upper)) {
    const homes = new Map<ImagePath, FileEntry>();
    for (const name of names) {
      const old = inodeAt(before, name);
      if (old !== undefined && isSame(old, { ...file, path: old.path })) homes.set(name, old);
    }
    const home = homes.get([...homes.keys()].sort(comparePaths)[0] as ImagePath);
    for (const name of names) {
      const inode = homes.get(name) ?? home;
      if (inode !== undefined) files.add(name, inode.path, inode);
      else files.add(name, `new ${file.path}`, file);
    }
  }
}

function upperGroups(upper: Upper): Map<FileEntry, ImagePath[]> {
  const groups = new Map<FileEntry, ImagePath[]>();
  for (const entry of upper.entries.values()) if (entry.type === "file") groups.set(entry, [entry.path]);
  for (const entry of upper.entries.values()) {
    if (entry.type === "hardlink") groups.get(fileAt(upper.entries, entry.target))?.push(entry.path);
  }
  return groups;
}

/** The file whose inode a path names. */
function inodeAt(entries: ReadonlyMap<ImagePath, Entry>, path: ImagePath): FileEntry | undefined {
  const entry = entries.get(path);
  if (entry?.type === "hardlink") return fileAt(entries, entry.target);
  return entry?.type === "file" ? entry : undefined;
}

function fileAt(entries: ReadonlyMap<ImagePath, Entry>, path: ImagePath): FileEntry {
  const entry = entries.get(path);
  if (entry?.type !== "file") throw new Error(`internal error: "${path}" is no file`);
  return entry;
}

/** Equal but for the time. A symlink's mode means nothing. */
function isSame(a: Entry, b: Entry): boolean {
  if (a.uid !== b.uid || a.gid !== b.gid || !isSameXattrs(a, b)) return false;
  if (a.type === "symlink") return b.type === "symlink" && a.target === b.target;
  if (a.mode !== b.mode || a.type !== b.type) return false;
  return a.type !== "file" || b.type !== "file" || a.content === b.content;
}

function isSameXattrs(a: Meta, b: Meta): boolean {
  if (a.xattrs === undefined || b.xattrs === undefined) return a.xattrs === b.xattrs;
  return Buffer.compare(Buffer.from(canonicalJson(a.xattrs)), Buffer.from(canonicalJson(b.xattrs))) === 0;
}
