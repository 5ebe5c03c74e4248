// SPDX-License-Identifier: Apache-2.0
import type { ImagePath } from "../base/index.ts";
import type { Entry, FileEntry, Tree } from "../formats/index.ts";
import { linkEntry } from "./generated-entry.ts";
import { mergedLinks, runAliases } from "./normalize-package.ts";
import { plainDirectory } from "./parents.ts";

/** Directories without which programs fail, whatever is installed: path and mode. (FHS 3.0, Debian policy 9.1) */
const everywhere: readonly (readonly [string, number])[] = [
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["proc", 0o755],
  ["root", 0o700],
  ["run", 0o755],
  ["run/lock", 0o1777],
  ["sys", 0o755],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/bin", 0o755],
  ["usr/lib", 0o755],
  ["usr/sbin", 0o755],
  ["var", 0o755],
  ["var/tmp", 0o1777],
];

/** What base-files' postinst makes on a new system beside: directories, links, and copies of its templates. */
const withBaseFiles = {
  directories: [
    "etc/opt",
    "media",
    "mnt",
    "opt",
    "srv",
    "usr/local",
    "usr/local/bin",
    "usr/local/etc",
    "usr/local/games",
    "usr/local/include",
    "usr/local/lib",
    "usr/local/sbin",
    "usr/local/share",
    "usr/local/share/man",
    "usr/local/src",
    "var/opt",
  ],
  links: [
    ["etc/dpkg/origins/default", "debian"],
    ["usr/local/man", "share/man"],
    ["var/spool/mail", "../mail"],
  ],
  copies: [
    ["usr/share/base-files/dot.profile", "root/.profile"],
    ["usr/share/base-files/dot.bashrc", "root/.bashrc"],
    ["usr/share/base-files/profile", "etc/profile"],
    ["usr/share/base-files/motd", "etc/motd"],
  ],
} as const;

/** Of base-files as data only: what says which system this is. */
const identity: readonly string[] = ["etc/debian_version", "etc/os-release", "usr/lib/os-release"];

/** Gid of the group "mail", fixed by base-passwd (README of base-passwd). */
const mailGid = 8;

export interface SkeletonOptions {
  readonly usrMerged: boolean;
  /** The trees of packages that are only read, not installed. */
  readonly data: readonly Tree[];
}

/**
 * The entries a root file system needs and no package's archive holds; those that the tree has already are
 * left out. What Debian makes in maintainer scripts is listed in `docs/unpack.md`.
 */
export function skeleton(tree: Tree, { usrMerged, data }: SkeletonOptions): readonly Entry[] {
  const present = new Map(tree.map((entry) => [entry.path as string, entry]));
  const made = new Map<string, Entry>();
  const add = (entry: Entry): void => {
    if (!present.has(entry.path) && !made.has(entry.path)) made.set(entry.path, entry);
  };
  for (const [path, mode] of everywhere) add(plainDirectory(path as ImagePath, mode));
  for (const [path, target] of runAliases) add(linkEntry(path as ImagePath, `/${target}`));
  if (usrMerged) for (const link of mergedLinks([...tree, ...made.values()])) add(link);
  for (const entry of data.flat()) if (identity.includes(entry.path)) add(entry);
  if (present.has("usr/share/base-files/profile")) addBaseFiles(add, present);
  copyFile(add, present, ["usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"]);
  return [...made.values()];
}

function addBaseFiles(add: (entry: Entry) => void, present: ReadonlyMap<string, Entry>): void {
  for (const path of withBaseFiles.directories) add(plainDirectory(path as ImagePath));
  add({ ...plainDirectory("var/mail" as ImagePath, 0o2775), gid: mailGid });
  for (const [path, target] of withBaseFiles.links) add(linkEntry(path as ImagePath, target));
  for (const pair of withBaseFiles.copies) copyFile(add, present, pair);
}

function copyFile(
  add: (entry: Entry) => void,
  present: ReadonlyMap<string, Entry>,
  [from, to]: readonly [string, string],
): void {
  const entry = present.get(from);
  if (entry?.type === "file") add({ ...entry, path: to as ImagePath } satisfies FileEntry);
}
