// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../base/index.ts";
import type { FileEntry, SymlinkEntry } from "../formats/index.ts";
import type { ContentSink } from "./content.ts";

/** A file of our making: owned by root, 0644, time 0. */
export function fileEntry(path: ImagePath, bytes: Uint8Array, sink: ContentSink): FileEntry {
  const { digest, sizeBytes } = sink.put(bytes);
  return { type: "file", path, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, content: digest, sizeBytes };
}

/** A symbolic link of our making. */
export function linkEntry(path: ImagePath, target: string): SymlinkEntry {
  return { type: "symlink", path, mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0, target };
}
