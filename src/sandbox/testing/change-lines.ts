// SPDX-License-Identifier: Apache-2.0
import type { Entry, Tree } from "../../formats/index.ts";
import type { Store } from "../../store/index.ts";

/** How `after` differs from `before`, as text: a line for each path, `-` where it is gone. */
export function changeLines(before: Tree, after: Tree, store: Store): string[] {
  const old = new Map(before.map((entry) => [entry.path, JSON.stringify(entry)]));
  const lines: string[] = [];
  for (const entry of after) {
    if (old.get(entry.path) !== JSON.stringify(entry)) lines.push(lineOf(entry, store));
    old.delete(entry.path);
  }
  return [...lines, ...[...old.keys()].map((path) => `- ${path}`)];
}

function lineOf(entry: Entry, store: Store): string {
  const mode = entry.mode.toString(8).padStart(4, "0");
  const owner = `${entry.uid}:${entry.gid}`;
  const time = entry.mtimeSeconds === 0 ? "" : ` @${entry.mtimeSeconds}`;
  return `${entry.path} ${entry.type} ${mode} ${owner}${time}${whatOf(entry, store)}`;
}

function whatOf(entry: Entry, store: Store): string {
  const xattrs = entry.xattrs === undefined ? "" : ` ${JSON.stringify(entry.xattrs)}`;
  if (entry.type === "symlink" || entry.type === "hardlink") return ` -> ${entry.target}${xattrs}`;
  if (entry.type !== "file") return xattrs;
  return ` ${JSON.stringify(Buffer.from(store.read(entry.content)).toString("utf8").slice(0, 60))}${xattrs}`;
}
