// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parentOf } from "../base/index.ts";
import type { DirEntry, Entry } from "../formats/index.ts";

/** A directory as it is made where nobody says otherwise. */
export function plainDirectory(path: ImagePath, mode = 0o755): DirEntry {
  return { type: "dir", path, mode, uid: 0, gid: 0, mtimeSeconds: 0 };
}

/** Adds the directories above a path that are not there yet and returns them. What is there, of any type, stays. */
export function addParents(entries: Map<ImagePath, Entry>, path: ImagePath): readonly ImagePath[] {
  const made: ImagePath[] = [];
  for (let parent = parentOf(path); parent !== undefined && !entries.has(parent); parent = parentOf(parent)) {
    entries.set(parent, plainDirectory(parent));
    made.push(parent);
  }
  return made;
}
