// SPDX-License-Identifier: Apache-2.0
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import { digestOf, type ImagePath, nameFromBytes } from "../../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Meta, type Tree } from "../../formats/index.ts";
import { hostPathOf } from "../entry-meta.ts";
import type { Store } from "../store.ts";
import { readXattrs } from "../xattr.ts";

/** Numbers below `below`, the same for a seed each time (an xorshift generator). */
export function randomOf(seed: number): (below: number) => number {
  let state = (Math.imul(seed + 1, 2654435761) >>> 0) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const names = ["a", "b", "c", "d\udcff", "\u00e4 \n"];
const contents = ["", "one", "two", "a longer one, longer than a block is not needed"];
const isRoot = process.geteuid?.() === 0;

/**
 * A tree of up to some dozen entries out of few names, contents and modes, so that two of them have much in
 * common: the same path as another kind, the same file under another path, one inode more or less.
 */
export function randomTree(store: Store, random: (below: number) => number): Tree {
  const entries: Entry[] = [];
  const dirs: string[] = [""];
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  for (const dir of dirs) {
    for (const name of names.filter(() => random(3) > 0)) {
      const path = (dir + name) as ImagePath;
      const entry = randomEntry(store, { path, pick, random, files: entries.filter((one) => one.type === "file") });
      entries.push(entry);
      if (entry.type === "dir" && dir.length < 8) dirs.push(`${path}/`);
    }
  }
  return withFirstNames(makeTree(entries));
}

interface Choice {
  readonly path: ImagePath;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly random: (below: number) => number;
  readonly files: readonly FileEntry[];
}

function randomEntry(store: Store, { path, pick, random, files }: Choice): Entry {
  const meta: Meta = {
    mode: pick([0o644, 0o755, 0o4755, 0o400, 0o1777]),
    uid: isRoot ? pick([0, 42]) : 0,
    gid: isRoot ? pick([0, 42]) : 0,
    mtimeSeconds: pick([0, 0, 5, -7, 1_700_000_000]),
  };
  const marked = random(6) === 0 ? { xattrs: { "user.note": pick(["AA==", "AQI="]) } } : {};
  switch (pick(["dir", "dir", "dir", "file", "file", "file", "symlink", "hardlink", "fifo", "char"])) {
    case "dir":
      return { ...meta, ...marked, type: "dir", path, mode: pick([0o755, 0o555, 0o2775, 0o1777, 0o700]) };
    case "symlink":
      return { ...meta, type: "symlink", path, mode: 0o777, target: pick(["x", "a", "b/\udcfe", "/etc/passwd"]) };
    case "fifo":
      if (random(8) === 0 && path.isWellFormed()) return { ...meta, type: "fifo", path };
      break;
    case "char":
      if (random(8) === 0 && isRoot && path.isWellFormed()) return { ...meta, type: "char", path, major: 1, minor: 3 };
      break;
    case "hardlink": {
      const target = files.length === 0 ? undefined : pick(files);
      if (target !== undefined) return { ...metaOf(target), type: "hardlink", path, target: target.path };
      break;
    }
    default:
  }
  const { digest: content, sizeBytes } = store.put(Buffer.from(pick(contents)));
  return { ...meta, ...marked, type: "file", path, content, sizeBytes };
}

function metaOf({ mode, uid, gid, mtimeSeconds, xattrs }: Meta): Meta {
  return { mode, uid, gid, mtimeSeconds, ...(xattrs === undefined ? {} : { xattrs }) };
}

/** Gives each file the smallest of its names, as the format wants it. */
function withFirstNames(tree: Tree): Tree {
  const firsts = new Map<ImagePath, ImagePath>();
  for (const entry of tree) {
    const group = entry.type === "hardlink" ? entry.target : entry.path;
    if (!firsts.has(group)) firsts.set(group, entry.path);
  }
  const files = new Map(tree.map((entry) => [entry.path, entry]));
  return tree.map((entry) => {
    const group = entry.type === "hardlink" ? entry.target : entry.path;
    const file = files.get(group);
    const first = firsts.get(group) as ImagePath;
    if (file?.type !== "file") return entry;
    if (first === entry.path) return { ...file, path: entry.path };
    return { ...metaOf(file), type: "hardlink", path: entry.path, target: first };
  });
}

/** What lstat and reading tell of a directory, a line an entry; names of one inode are told as such. */
export function describeDir(root: string, below = "", firsts = new Map<bigint, string>()): string[] {
  const dir = below === "" ? root : hostPathOf(root, below.slice(0, -1) as ImagePath);
  const lines: string[] = [];
  const names = readdirSync(dir, { encoding: "buffer" }).map((name) => nameFromBytes(name)).sort();
  for (const name of names) {
    const path = `${below}${name}` as ImagePath;
    const stats = lstatSync(hostPathOf(root, path), { bigint: true });
    const first = stats.isDirectory() ? undefined : firsts.get(stats.ino);
    if (first === undefined) firsts.set(stats.ino, path);
    const common = `${stats.mode.toString(8)} ${stats.uid}:${stats.gid} ${stats.mtimeNs} ${stats.rdev}`;
    lines.push(`${JSON.stringify(path)} ${common} ${first ?? ""} ${detailOf(root, path)}`);
    if (stats.isDirectory()) lines.push(...describeDir(root, `${path}/`, firsts));
  }
  return lines;
}

function detailOf(root: string, path: ImagePath): string {
  const at = hostPathOf(root, path);
  const stats = lstatSync(at);
  if (stats.isSymbolicLink()) return readlinkSync(at, { encoding: "buffer" }).toString("hex");
  const xattrs = typeof at === "string" ? JSON.stringify(readXattrs(at) ?? {}) : "";
  return stats.isFile() ? `${digestOf(readFileSync(at))} ${xattrs}` : xattrs;
}
