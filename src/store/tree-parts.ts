// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parentOf, showPath } from "../base/index.ts";
import type { DeviceEntry, DirEntry, Entry, FifoEntry, FileEntry, SymlinkEntry, Tree } from "../formats/index.ts";
import type { LinkedEntry } from "./link-farm.ts";

/** Links of a checkout that are known without looking at its tree. */
export interface ReadyLinks {
  /** The place of a link below the directory of all, and the path that it gets, by turns. */
  readonly pairs: readonly string[];
  /** The entry of one of these paths, for the link that must be made first. */
  entryOf(path: string): LinkedEntry;
}

/** A tree by what has to be made: all directories, then the rest. */
export interface TreeParts {
  readonly dirs: readonly DirEntry[];
  readonly files: readonly FileEntry[];
  /** File to its further names. */
  readonly hardlinks: ReadonlyMap<ImagePath, readonly ImagePath[]>;
  readonly symlinks: readonly SymlinkEntry[];
  readonly specials: readonly (DeviceEntry | FifoEntry)[];
  /** Further files and symlinks; absent: there are none. */
  readonly ready?: ReadyLinks;
}

/**
 * Sorts the entries by kind and proves that each parent is a directory and each hard link's target a file.
 * Throws `STORE_CHECKOUT_PARENT`, `STORE_CHECKOUT_LINK`.
 */
export function sortOut(tree: Tree): TreeParts {
  const dirPaths = new Set<ImagePath>();
  const filePaths = new Set<ImagePath>();
  const hardlinks = new Map<ImagePath, ImagePath[]>();
  const parts = { dirs: [] as DirEntry[], files: [] as FileEntry[], symlinks: [] as SymlinkEntry[] };
  const specials: (DeviceEntry | FifoEntry)[] = [];
  for (const entry of tree) {
    verifyParent(entry, dirPaths);
    switch (entry.type) {
      case "dir":
        dirPaths.add(entry.path);
        parts.dirs.push(entry);
        break;
      case "file":
        filePaths.add(entry.path);
        parts.files.push(entry);
        break;
      case "symlink":
        parts.symlinks.push(entry);
        break;
      case "hardlink": {
        const names = hardlinks.get(entry.target);
        if (names !== undefined) names.push(entry.path);
        else if (filePaths.has(entry.target)) hardlinks.set(entry.target, [entry.path]);
        else throw treeFault("STORE_CHECKOUT_LINK", entry, `its target "/${entry.target}" is no file before it`);
        break;
      }
      default:
        specials.push(entry);
    }
  }
  return { ...parts, hardlinks, specials };
}

function verifyParent(entry: Entry, dirs: ReadonlySet<ImagePath>): void {
  const parent = parentOf(entry.path);
  if (parent === undefined || dirs.has(parent)) return;
  throw treeFault("STORE_CHECKOUT_PARENT", entry, `its parent "/${parent}" is no directory of the tree`);
}

function treeFault(code: string, entry: Entry, fault: string): AshlarError {
  return new AshlarError(code, `Cannot check out "${showPath(entry.path)}": ${fault}`);
}
