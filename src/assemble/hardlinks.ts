// SPDX-License-Identifier: Apache-2.0
import { comparePaths, type ImagePath } from "../base/index.ts";
import type { Entry, FileEntry, HardlinkEntry } from "../formats/index.ts";

/**
 * Brings the groups of hard links back to the rule of trees (the smallest path is the file, the others point
 * at it) after entries were moved or left out. `fileOf` gives the file that a link's target was, which need
 * not be among `entries` any more; a link to what is no file stays away.
 */
export function settleHardlinks(
  entries: readonly Entry[],
  fileOf: (target: ImagePath) => FileEntry | undefined,
): readonly Entry[] {
  const groups = groupLinks(entries);
  if (groups.size === 0) return entries;
  const settled = new Map<ImagePath, Entry>(entries.map((entry) => [entry.path, entry]));
  for (const [target, links] of groups) settleGroup(settled, links, { target, file: fileOf(target) });
  return [...settled.values()];
}

function groupLinks(entries: readonly Entry[]): Map<ImagePath, HardlinkEntry[]> {
  const groups = new Map<ImagePath, HardlinkEntry[]>();
  for (const entry of entries) {
    if (entry.type !== "hardlink") continue;
    const group = groups.get(entry.target);
    if (group === undefined) groups.set(entry.target, [entry]);
    else group.push(entry);
  }
  return groups;
}

function settleGroup(
  entries: Map<ImagePath, Entry>,
  links: readonly HardlinkEntry[],
  { target, file }: { readonly target: ImagePath; readonly file: FileEntry | undefined },
): void {
  if (file === undefined) {
    for (const link of links) entries.delete(link.path);
    return;
  }
  const names = links.map((link) => link.path);
  if (isSameFile(entries.get(target), file)) names.push(target);
  const [first, ...others] = names.sort(comparePaths) as [ImagePath, ...ImagePath[]];
  entries.set(first, { ...file, path: first });
  const { content: _content, sizeBytes: _sizeBytes, ...meta } = file;
  for (const path of others) entries.set(path, { ...meta, type: "hardlink", path, target: first });
}

function isSameFile(entry: Entry | undefined, file: FileEntry): boolean {
  return entry?.type === "file" && entry.content === file.content && entry.mode === file.mode;
}
