// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type ImagePath, parentOf, parseEntryName, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type TarEntry, type Tree } from "../../formats/index.ts";

/**
 * The time of every source and input: SOURCE_DATE_EPOCH of the sandbox, the first moment that zip files can
 * hold. All are equal, so make takes nothing that comes with a source for out of date.
 */
export const sourceSeconds = 315_532_800;

/** Owner and times of the packer are no part of a source. */
const plain = { uid: 0, gid: 0, mtimeSeconds: sourceSeconds };

interface SourceContent {
  readonly content: Extract<Entry, { type: "file" }>["content"];
  readonly sizeBytes: number;
}

/** A file of a source: root's, 0755 where it is executable, else 0644. */
export function sourceFile(
  path: ImagePath,
  executable: boolean,
  { content, sizeBytes }: SourceContent,
): Entry {
  return { ...plain, type: "file", path, mode: executable ? 0o755 : 0o644, content, sizeBytes };
}

export function sourceLink(path: ImagePath, target: string): Entry {
  return { ...plain, type: "symlink", path, mode: 0o777, target };
}

export function sourceDirectory(path: ImagePath): Entry {
  return { ...plain, type: "dir", path, mode: 0o755 };
}

/** Gathers the members of a source archive and makes the tree of them. */
export class SourceEntries {
  readonly #entries = new Map<ImagePath, Entry>();

  /** Adds a member without a payload. Throws `BUILD_SOURCE_INVALID`, `PATH_INVALID`. */
  add(member: TarEntry): void {
    const path = parseEntryName(member.name);
    if (path === undefined) return;
    switch (member.type) {
      case "dir":
        return this.#put(sourceDirectory(path));
      case "symlink":
        return this.#put(sourceLink(path, member.linkName));
      case "hardlink":
        return this.#put({ ...this.#linkedFile(member), path });
      default:
        throw invalid(member.name, `it is a ${member.type}, want files, directories and links`);
    }
  }

  addFile(member: TarEntry, content: SourceContent): void {
    const path = parseEntryName(member.name);
    if (path === undefined) throw invalid(member.name, "the root is a file");
    this.#put(sourceFile(path, (member.mode & 0o100) !== 0, content));
  }

  /** A further name of a file is a file of its own here: what builds a source may write to one of them. */
  #linkedFile(member: TarEntry): Entry {
    const target = parseEntryName(member.linkName);
    const file = target === undefined ? undefined : this.#entries.get(target);
    if (file?.type === "file") return file;
    throw invalid(member.name, `hard link to "${member.linkName}", which is no regular file before it`);
  }

  #put(entry: Entry): void {
    const before = this.#entries.get(entry.path);
    if (before !== undefined && !(before.type === "dir" && entry.type === "dir")) {
      throw invalid(entry.path, "the path occurs twice");
    }
    this.#entries.set(entry.path, entry);
  }

  /** The tree, without the directory that everything lies in where there is one. */
  finish(): Tree {
    for (const path of [...this.#entries.keys()]) addParents(this.#entries, path);
    const tops = [...this.#entries.values()].filter(({ path }) => !path.includes("/"));
    const [top] = tops;
    if (tops.length !== 1 || top?.type !== "dir") return makeTree(this.#entries.values());
    const below = [...this.#entries.values()].filter(({ path }) => path !== top.path);
    return makeTree(
      below.map((entry) => ({ ...entry, path: parsePath(entry.path.slice(top.path.length + 1)) })),
    );
  }
}

/** Makes the directories above a path; one that is no directory is refused. */
export function addParents(entries: Map<ImagePath, Entry>, path: ImagePath): void {
  for (let parent = parentOf(path); parent !== undefined; parent = parentOf(parent)) {
    const at = entries.get(parent);
    if (at?.type === "dir") return;
    if (at !== undefined) throw invalid(path, `its parent "${parent}" is a ${at.type}`);
    entries.set(parent, sourceDirectory(parent));
  }
}

function invalid(path: string, fault: string): AshlarError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path);
  return new AshlarError("BUILD_SOURCE_INVALID", `Cannot use ${shown} of a source: ${fault}`);
}
