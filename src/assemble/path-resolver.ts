// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";

/** As many symbolic links as Linux follows in one path (path_resolution(7)). */
const linksMax = 40;

/** Follows symbolic links inside a tree, as the kernel would with the tree as root. */
export class PathResolver {
  readonly #entries: ReadonlyMap<string, Entry>;
  /** Directories as written to where they really are; undefined: there is none. */
  readonly #directories = new Map<string, string | undefined>();

  constructor(tree: Tree | ReadonlyMap<string, Entry>) {
    this.#entries = Array.isArray(tree)
      ? new Map((tree as Tree).map((entry) => [entry.path, entry]))
      : (tree as ReadonlyMap<string, Entry>);
  }

  /** The entry at the end of a path, absolute or from the root; undefined where the path leads nowhere. */
  resolve(path: string): Entry | undefined {
    const real = this.realPath(path);
    if (real === undefined || real === "") return undefined;
    const entry = this.#entries.get(real);
    return entry?.type === "hardlink" ? this.#entries.get(entry.target) : entry;
  }

  /** The path with every link followed, "" for the root; undefined where it leads nowhere. */
  realPath(path: string): string | undefined {
    const slash = path.lastIndexOf("/");
    const parent = slash < 0 ? "" : this.#realDirectory(path.slice(0, slash));
    return parent === undefined ? undefined : this.#walk(parent, [path.slice(slash + 1)], { links: 0 });
  }

  #realDirectory(path: string): string | undefined {
    if (this.#directories.has(path)) return this.#directories.get(path);
    const end = this.#walk("", path.split("/"), { links: 0 });
    const found = end === "" || (end !== undefined && this.#entries.get(end)?.type === "dir") ? end : undefined;
    this.#directories.set(path, found);
    return found;
  }

  #walk(start: string, parts: readonly string[], budget: { links: number }): string | undefined {
    let at = start;
    const rest = [...parts].reverse();
    while (rest.length > 0) {
      const part = rest.pop() as string;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = at.slice(0, Math.max(at.lastIndexOf("/"), 0));
        continue;
      }
      const next = at === "" ? part : `${at}/${part}`;
      const entry = this.#entries.get(next);
      if (entry === undefined) return undefined;
      if (entry.type !== "symlink") {
        if (rest.length > 0 && entry.type !== "dir") return undefined;
        at = next;
        continue;
      }
      if (++budget.links > linksMax) return undefined;
      if (entry.target.startsWith("/")) at = "";
      rest.push(...entry.target.split("/").reverse());
    }
    return at;
  }
}

/** The directory part of a path, "" at the root. */
export function directoryOf(path: ImagePath | string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}
