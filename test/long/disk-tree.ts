// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { compareOrdinal, type Digest } from "../../src/base/index.ts";
import type { Tree } from "../../src/formats/index.ts";

/** A tree on disk in the words of ours: one line a path; names of one inode carry the smallest of them. */
export function describeDisk(root: string): string[] {
  const lines: string[] = [];
  const first = new Map<number, string>();
  const walk = (below: string): void => {
    for (const name of readdirSync(join(root, below)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const path = below === "" ? name : `${below}/${name}`;
      const stat = lstatSync(join(root, path));
      // dpkg-deb makes links last and so changes the time of the directories they lie in.
      const time = stat.isDirectory() ? "-" : Math.floor(stat.mtimeMs / 1000);
      const head = `${path} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} ${time}`;
      if (stat.isSymbolicLink()) lines.push(`${head} -> ${readlinkSync(join(root, path))}`);
      else if (stat.isDirectory()) lines.push(`${head} dir`);
      else {
        const original = first.get(stat.ino);
        if (original === undefined) first.set(stat.ino, path);
        const sum = createHash("sha256")
          .update(readFileSync(join(root, path)))
          .digest("hex");
        lines.push(original === undefined ? `${head} ${sum}` : `${head} == ${original}`);
      }
      if (stat.isDirectory()) walk(path);
    }
  };
  walk("");
  return lines.sort(compareOrdinal);
}

/** The same of a tree. */
export function describeTree(tree: Tree): string[] {
  return tree
    .map((entry) => {
      const time = entry.type === "dir" ? "-" : entry.mtimeSeconds;
      const head = `${entry.path} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${time}`;
      switch (entry.type) {
        case "symlink":
          return `${head} -> ${entry.target}`;
        case "hardlink":
          return `${head} == ${entry.target}`;
        case "file":
          return `${head} ${entry.content.slice(7)}`;
        default:
          return `${head} ${entry.type}`;
      }
    })
    .sort(compareOrdinal);
}

/** Writes a tree's names, contents and modes below a directory; not its owners. */
export function writeRoot(tree: Tree, root: string, read: (content: Digest) => Uint8Array): void {
  mkdirSync(root, { recursive: true });
  for (const entry of tree) {
    const path = join(root, entry.path);
    if (entry.type === "dir") mkdirSync(path);
    else if (entry.type === "file") writeFileSync(path, read(entry.content), { mode: entry.mode });
    else if (entry.type === "symlink") symlinkSync(entry.target, path);
    else if (entry.type === "hardlink") cpSync(join(root, entry.target), path);
  }
}
