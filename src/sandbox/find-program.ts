// SPDX-License-Identifier: Apache-2.0
import { type ImagePath, parentOf } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";

const symlinksMax = 40;

/** Looks paths up in a tree as the kernel does: through symlinks, never above the root. */
function treeLookup(tree: Tree): (path: string) => Entry | "root" | undefined {
  const entries = new Map(tree.map((entry) => [entry.path as string, entry]));
  return (path) => {
    const parts = path.split("/");
    let at = "";
    for (let links = 0; parts.length > 0;) {
      const part = parts.shift() as string;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        at = parentOf(at as ImagePath) ?? "";
        continue;
      }
      const next = at === "" ? part : `${at}/${part}`;
      const entry = entries.get(next);
      if (entry === undefined) return undefined;
      if (entry.type !== "symlink") at = next;
      else if (++links > symlinksMax) return undefined;
      else {
        parts.unshift(...entry.target.split("/"));
        if (entry.target.startsWith("/")) at = "";
      }
    }
    return at === "" ? "root" : entries.get(at);
  };
}

/** The program that a command names, by path or in `searchPath`; undefined where the tree has none. */
export function findProgram(tree: Tree, name: string, searchPath: string): Entry | undefined {
  const lookUp = treeLookup(tree);
  const paths = name.includes("/") ? [name] : searchPath.split(":").map((dir) => `${dir}/${name}`);
  for (const path of paths) {
    const entry = lookUp(path);
    if (entry === undefined || entry === "root") continue;
    if ((entry.type === "file" || entry.type === "hardlink") && (entry.mode & 0o111) !== 0) return entry;
  }
  return undefined;
}
