// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parentOf } from "../base/index.ts";
import type { DirEntry, Entry } from "../formats/index.ts";

/** A directory as it is made where nobody says otherwise. */
export function plainDirectory(path: ImagePath, mode = 0o755): DirEntry {
  return { type: "dir", path, mode, uid: 0, gid: 0, mtimeSeconds: 0 };
}

/** Adds the directories above a path that are not there yet. What is there, of whatever type, stays. */
export function addParents(entries: Map<ImagePath, Entry>, path: ImagePath): void {
  for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
    if (entries.has(parent)) return;
    entries.set(parent, plainDirectory(parent));
  }
}
