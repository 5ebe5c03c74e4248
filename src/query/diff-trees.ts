// SPDX-License-Identifier: Apache-2.0
import { comparePaths, type ImagePath } from "../base/index.ts";
import type { Entry, FileEntry, Tree } from "../formats/index.ts";

/** What can differ between two entries of one path. */
export type TreeFacet = "type" | "content" | "target" | "device" | "mode" | "owner" | "mtime" | "xattrs" | "links";

export interface ChangedEntry {
  readonly path: ImagePath;
  readonly before: Entry;
  readonly after: Entry;
  /** At least one, in the order of `TreeFacet`. */
  readonly what: readonly TreeFacet[];
}

/** Each list in the order of the paths. */
export interface TreeDiff {
  readonly added: Tree;
  readonly removed: Tree;
  readonly changed: readonly ChangedEntry[];
}

/** Compares two trees path by path. A hard link counts as the file it names, and as linked to its target. */
export function diffTrees(before: Tree, after: Tree): TreeDiff {
  const [oldFiles, newFiles] = [filesOf(before), filesOf(after)];
  const [added, removed, changed]: [Entry[], Entry[], ChangedEntry[]] = [[], [], []];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, now] = [before[i], after[j]];
    const order = old === undefined ? 1 : now === undefined ? -1 : comparePaths(old.path, now.path);
    if (order < 0) removed.push(old as Entry);
    else if (order > 0) added.push(now as Entry);
    else {
      const what = facets(resolved(old as Entry, oldFiles), resolved(now as Entry, newFiles));
      if (what.length > 0) changed.push({ path: (now as Entry).path, before: old as Entry, after: now as Entry, what });
    }
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return { added, removed, changed };
}

function filesOf(tree: Tree): Map<ImagePath, FileEntry> {
  const targets = new Set(tree.flatMap((entry) => (entry.type === "hardlink" ? [entry.target] : [])));
  const files = tree.filter((entry): entry is FileEntry => entry.type === "file" && targets.has(entry.path));
  return new Map(files.map((file) => [file.path, file]));
}

/** An entry with hard links seen through; `linkedTo` is where they lead. */
interface Resolved {
  readonly entry: Entry;
  readonly linkedTo: ImagePath | undefined;
}

function resolved(entry: Entry, files: ReadonlyMap<ImagePath, FileEntry>): Resolved {
  if (entry.type !== "hardlink") return { entry, linkedTo: undefined };
  return { entry: files.get(entry.target) ?? entry, linkedTo: entry.target };
}

function facets(before: Resolved, after: Resolved): TreeFacet[] {
  const [a, b] = [before.entry, after.entry];
  const what: TreeFacet[] = a.type === b.type ? kindFacets(a, b) : ["type"];
  if (a.mode !== b.mode) what.push("mode");
  if (a.uid !== b.uid || a.gid !== b.gid) what.push("owner");
  if (a.mtimeSeconds !== b.mtimeSeconds) what.push("mtime");
  if (!sameXattrs(a, b)) what.push("xattrs");
  if (before.linkedTo !== after.linkedTo) what.push("links");
  return what;
}

function kindFacets(a: Entry, b: Entry): TreeFacet[] {
  if (a.type === "file" && b.type === "file") return a.content === b.content ? [] : ["content"];
  if (a.type === "symlink" && b.type === "symlink") return a.target === b.target ? [] : ["target"];
  if ((a.type === "char" || a.type === "block") && (b.type === "char" || b.type === "block")) {
    return a.major === b.major && a.minor === b.minor ? [] : ["device"];
  }
  return [];
}

function sameXattrs(a: Entry, b: Entry): boolean {
  const [old, now] = [a.xattrs ?? {}, b.xattrs ?? {}];
  const names = Object.keys(old);
  return names.length === Object.keys(now).length && names.every((name) => old[name] === now[name]);
}
