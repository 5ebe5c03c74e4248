// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";

import { compareOrdinal } from "../../src/base/index.ts";
import { readXattrs } from "../../src/store/xattr.ts";

/** One path on disk with all that two roots are compared in; everything but times. */
export interface DiskEntry {
  readonly type: string;
  readonly mode: string;
  readonly owner: string;
  /** A link's target, a device's numbers. */
  readonly target: string;
  readonly content: string;
  readonly attributes: string;
  /** The smallest path of a group of hard links; empty where there is one name. */
  readonly links: string;
}

/** In what two roots differ at one path. */
export interface Difference {
  readonly path: string;
  /** "only Ashlar", "only mmdebstrap", or names of what differs: "mode", "owner", "content", ... */
  readonly what: readonly string[];
  /** For people. */
  readonly detail: string;
}

const only = { ours: "only Ashlar", theirs: "only mmdebstrap" };

/** Reads a root file system, by path without the leading slash. */
export function readRoot(root: string): ReadonlyMap<string, DiskEntry> {
  const found = new Map<string, DiskEntry>();
  const groups = new Map<number, string>();
  const walk = (below: string): void => {
    for (const name of readdirSync(join(root, below)).sort(compareOrdinal)) {
      const path = below === "" ? name : `${below}/${name}`;
      const stat = lstatSync(join(root, path));
      found.set(path, describe(join(root, path), stat, groupOf(path, stat, groups)));
      if (stat.isDirectory()) walk(path);
    }
  };
  walk("");
  return found;
}

function groupOf(path: string, stat: Stats, groups: Map<number, string>): string {
  if (stat.isDirectory() || stat.nlink < 2) return "";
  const first = groups.get(stat.ino) ?? path;
  groups.set(stat.ino, first);
  return first;
}

function describe(path: string, stat: Stats, links: string): DiskEntry {
  const type = typeOf(stat);
  const device = type === "char" || type === "block" ? `${stat.rdev >> 8}:${stat.rdev & 0xff}` : "";
  return {
    type,
    mode: (stat.mode & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    target: type === "symlink" ? readlinkSync(path) : device,
    content: type === "file" ? createHash("sha256").update(readFileSync(path)).digest("hex") : "",
    attributes: type === "symlink" ? "" : JSON.stringify(readXattrs(path) ?? {}),
    links,
  };
}

function typeOf(stat: Stats): string {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "dir";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isCharacterDevice()) return "char";
  if (stat.isBlockDevice()) return "block";
  return stat.isFIFO() ? "fifo" : "socket";
}

/** Every path at which two roots differ, in order. */
export function compareRoots(
  ours: ReadonlyMap<string, DiskEntry>,
  theirs: ReadonlyMap<string, DiskEntry>,
): readonly Difference[] {
  const paths = [...new Set([...ours.keys(), ...theirs.keys()])].sort(compareOrdinal);
  return paths.flatMap((path) => {
    const [our, their] = [ours.get(path), theirs.get(path)];
    if (our === undefined) return [{ path, what: [only.theirs], detail: show(their as DiskEntry) }];
    if (their === undefined) return [{ path, what: [only.ours], detail: show(our) }];
    const what = (Object.keys(our) as (keyof DiskEntry)[]).filter((key) => our[key] !== their[key]);
    const detail = what.map((key) => `${key}: ours ${our[key]}, theirs ${their[key]}`).join("; ");
    return what.length === 0 ? [] : [{ path, what, detail }];
  });
}

function show({ type, mode, owner, target }: DiskEntry): string {
  return `${type} ${mode} ${owner}${target === "" ? "" : ` -> ${target}`}`;
}
