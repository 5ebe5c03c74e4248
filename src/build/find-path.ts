// SPDX-License-Identifier: Apache-2.0
import { AshlarError, comparePaths, type ImagePath, parsePath } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";

const linkCountMax = 40;

/** The entry at a path that a user wrote, links in front of and at the end of it followed. Throws `IMAGE_PATH`. */
export function findPath(tree: Tree, text: string): Entry {
  const byPath = new Map<string, Entry>(tree.map((entry) => [entry.path, entry]));
  let wanted = parsePath(text) as string;
  for (let links = 0; links < linkCountMax; links++) {
    const step = followOnce(byPath, wanted);
    if (step === undefined) return entryAt(byPath, wanted, text, tree);
    wanted = step;
  }
  throw new AshlarError("IMAGE_PATH", `Cannot follow "${text}": more than ${linkCountMax} links`);
}

/** Replaces the first link among the components of a path; undefined where there is none. */
function followOnce(byPath: ReadonlyMap<string, Entry>, path: string): string | undefined {
  const parts = path.split("/");
  for (let i = 1; i <= parts.length; i++) {
    const entry = byPath.get(parts.slice(0, i).join("/"));
    if (entry?.type === "hardlink") return [entry.target, ...parts.slice(i)].join("/");
    if (entry?.type !== "symlink") continue;
    const start = entry.target.startsWith("/") ? [] : parts.slice(0, i - 1);
    return settle([...start, ...entry.target.split("/"), ...parts.slice(i)]);
  }
  return undefined;
}

function settle(parts: readonly string[]): string {
  const out: string[] = [];
  for (const part of parts) {
    if (part === "..") out.pop();
    else if (part !== "" && part !== ".") out.push(part);
  }
  return out.join("/");
}

function entryAt(byPath: ReadonlyMap<string, Entry>, path: string, text: string, tree: Tree): Entry {
  const entry = byPath.get(path);
  if (entry !== undefined) return entry;
  const near = nearest(tree, path);
  const leads = path === text.replace(/^\/+|\/+$/g, "") ? "" : ` (it leads to "/${path}")`;
  throw new AshlarError("IMAGE_PATH", `Cannot find "${text}" in the image${leads}`, {
    ...(near.length > 0 && { hint: `near it are ${near.map((one) => `/${one}`).join(", ")}` }),
  });
}

/** Paths of the same name elsewhere, else the first ones of the deepest directory that is there. */
function nearest(tree: Tree, path: string): readonly ImagePath[] {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const same = tree.filter((entry) => entry.path.endsWith(`/${name}`) || entry.path === name);
  if (same.length > 0) return same.slice(0, 5).map((entry) => entry.path);
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const dir = `${path.slice(0, at)}/`;
    const inside = tree.filter((entry) => entry.path.startsWith(dir));
    if (inside.length > 0) return inside.slice(0, 5).map((entry) => entry.path);
  }
  return [];
}

/** The entries at and below a path, "" for all. */
export function below(tree: Tree, path: string): Tree {
  if (path === "") return tree;
  const found = tree.filter((entry) => entry.path === path || entry.path.startsWith(`${path}/`));
  return [...found].sort((a, b) => comparePaths(a.path, b.path));
}
