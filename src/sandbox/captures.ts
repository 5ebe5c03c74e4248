// SPDX-License-Identifier: Apache-2.0
import { comparePaths, type ImagePath, parentOf, parsePath } from "../base/index.ts";
import type { Entry, Tree } from "../formats/index.ts";
import type { Upper } from "./upper.ts";

/** What to capture: paths with all below, and the directories on the way to them. */
interface Wanted {
  readonly paths: ReadonlySet<ImagePath>;
  readonly onTheWay: ReadonlySet<ImagePath>;
}

/**
 * tar's arguments for capturing what lies at or below these absolute paths: the paths with all below, directories
 * on the way by themselves. The last is always there: tar refuses to end with an option. Absent: everything.
 */
export function captureArgs(captures: readonly string[] | undefined): string[] {
  if (captures === undefined) return ["."];
  const { paths, onTheWay } = wantedOf(captures);
  const named = (list: Iterable<ImagePath>): string[] =>
    [...list].sort(comparePaths).map((path) => `./${path}`);
  return ["--recursion", ...named(paths), "--no-recursion", ...named(onTheWay), "."];
}

/**
 * What of an upper directory concerns these paths. A directory on the way counts only where the root has none: its
 * change is not wanted. Where one on the way is gone or new, nothing of the root is left below.
 */
export function onlyCaptured(upper: Upper, captures: readonly string[] | undefined, root: Tree): Upper {
  if (captures === undefined) return upper;
  const { paths, onTheWay } = wantedOf(captures);
  const entries = new Map(upper.entries);
  const whiteouts = new Set(upper.whiteouts);
  const opaque = new Set(upper.opaque);
  const dirs = new Set(root.filter((entry) => entry.type === "dir").map((entry) => entry.path));
  for (const way of onTheWay) {
    const entry = entries.get(way);
    const gone = [whiteouts.delete(way), opaque.delete(way), isNoDir(entry)].includes(true);
    if (isNoDir(entry) || dirs.has(way)) entries.delete(way);
    if (!gone) continue;
    for (const path of paths) {
      if (path.startsWith(`${way}/`)) (entries.has(path) ? opaque : whiteouts).add(path);
    }
  }
  return { entries, whiteouts, opaque };
}

function isNoDir(entry: Entry | undefined): boolean {
  return entry !== undefined && entry.type !== "dir";
}

function wantedOf(captures: readonly string[]): Wanted {
  const all = new Set(captures.map((path) => parsePath(path)));
  const paths = new Set([...all].filter((path) => !ancestorsOf(path).some((above) => all.has(above))));
  return { paths, onTheWay: new Set([...paths].flatMap(ancestorsOf)) };
}

function ancestorsOf(path: ImagePath): ImagePath[] {
  const above: ImagePath[] = [];
  for (let at = parentOf(path); at !== undefined; at = parentOf(at)) above.push(at);
  return above;
}
