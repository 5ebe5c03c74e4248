// SPDX-License-Identifier: Apache-2.0
import { isAshlarError, parsePath } from "../../base/index.ts";
import type { Entry, FileEntry, SymlinkEntry } from "../../formats/index.ts";
import type { ContentInfo, Store } from "../store.ts";

/** Tells whether an error is ours and of this code. */
export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => isAshlarError(error, code);
}

/** Bytes that do not compress to nothing, the same each time. */
export function sample(seed: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Root's, 0644, time 0. */
export const plainMeta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

/** A file entry whose content is put into the store. */
export function fileEntry(store: Store, path: string, bytes: Uint8Array, more: Partial<FileEntry> = {}): FileEntry {
  const { digest: content, sizeBytes } = store.put(bytes);
  return { ...plainMeta, type: "file", path: parsePath(path), content, sizeBytes, ...more };
}

/** A directory entry. */
export function dirEntry(path: string, mode = 0o755): Entry {
  return { ...plainMeta, type: "dir", path: parsePath(path), mode };
}

/** A symlink entry. */
export function symlinkEntry(path: string, target: string, more: Partial<SymlinkEntry> = {}): SymlinkEntry {
  return { ...plainMeta, mode: 0o777, type: "symlink", path: parsePath(path), target, ...more };
}

/** Puts some contents as one pack. */
export function put(store: Store, ...contents: (Uint8Array | string)[]): ContentInfo[] {
  const pack = store.beginPack();
  const infos = contents.map((bytes) => pack.put(Buffer.from(bytes)));
  pack.commit();
  return infos;
}
