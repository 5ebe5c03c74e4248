// SPDX-License-Identifier: Apache-2.0
import picomatch from "picomatch";

import { AshlarError, compareOrdinal, type ImagePath, parentOf } from "../base/index.ts";
import { type Entry, type FileEntry, makeTree, type Tree } from "../formats/index.ts";
import { settleHardlinks } from "./hardlinks.ts";
import { mergedDirectories } from "./normalize-package.ts";

/** What was left out of a tree. */
export interface Dropped {
  /** Entries of any type. */
  readonly count: number;
  /** Sum of the sizes of the files. */
  readonly sizeBytes: number;
}

export interface Stripped {
  readonly tree: Tree;
  readonly dropped: Dropped;
}

export interface StripOptions {
  /** Of `stripGroups`; "scripts" is left to `dropScripts`, which needs the whole image. */
  readonly groups: readonly string[];
  /** Globs of absolute paths: only what they match stays. Absent: everything stays. */
  readonly only?: readonly string[] | undefined;
  /** Names the package in errors. */
  readonly what: string;
}

/** The directories of each group and what of them stays: licences are owed, the C locale is the fallback. */
const stripGroups: Readonly<Record<string, { readonly below: readonly string[]; readonly keep?: RegExp }>> = {
  docs: {
    below: ["usr/share/doc/", "usr/share/doc-base/", "usr/share/gtk-doc/"],
    // A link from one package's directory to another's is how several packages share one copyright file.
    keep: /^usr\/share\/doc\/[^/]+(\/copyright)?$/,
  },
  man: { below: ["usr/share/man/", "usr/local/share/man/"] },
  info: { below: ["usr/share/info/"] },
  locales: { below: ["usr/share/locale/"], keep: /^usr\/share\/locale\/((C|POSIX)(\.[^/]+)?(\/.*)?|locale\.alias)$/ },
  lintian: { below: ["usr/share/lintian/", "usr/share/linda/"] },
  bugs: { below: ["usr/share/bug/"] },
  scripts: { below: [] },
};

/**
 * Leaves groups of files out of a package's (normalised) tree, and with `only` everything but some paths.
 * Directories that this empties go too. Throws `ASSEMBLE_STRIP_UNKNOWN` for a group that does not exist and
 * `ASSEMBLE_ONLY_EMPTY` for a glob that matches nothing.
 */
export function stripTree(tree: Tree, options: StripOptions): Stripped {
  const selected = options.only === undefined ? tree : selectOnly(tree, options.only, options.what);
  const kept = dropGroups(selected, options.groups);
  if (kept.length === tree.length) return { tree, dropped: { count: 0, sizeBytes: 0 } };
  const files = new Map<ImagePath, FileEntry>();
  for (const entry of tree) if (entry.type === "file") files.set(entry.path, entry);
  const settled = makeTree(settleHardlinks(kept, (target) => files.get(target)));
  const dropped = { count: tree.length - settled.length, sizeBytes: sizeOf(tree) - sizeOf(settled) };
  return { tree: settled, dropped };
}

/** Sum of the sizes of a tree's files, in bytes; further names of a file count nothing. */
export function sizeOf(tree: Tree): number {
  let sum = 0;
  for (const entry of tree) if (entry.type === "file") sum += entry.sizeBytes;
  return sum;
}

/** Throws `ASSEMBLE_ONLY_UNKNOWN` when `only` names a package that the image has not. */
export function verifyOnly(only: Readonly<Record<string, unknown>>, names: ReadonlySet<string>): void {
  const unknown = Object.keys(only)
    .filter((name) => !names.has(name))
    .sort(compareOrdinal);
  if (unknown.length === 0) return;
  const list = unknown.map((name) => `"${name}"`).join(", ");
  throw new AshlarError("ASSEMBLE_ONLY_UNKNOWN", `Cannot apply "only": ${list} is not among the image's packages`, {
    hint: "add the package to `system.packages`, or take it out of `system.only`",
    details: { unknown },
  });
}

function selectOnly(tree: Tree, globs: readonly string[], what: string): Tree {
  const tests = globs.map((glob) => ({ glob, matches: picomatch(glob, { dot: true }), hits: 0 }));
  const keep = new Set<ImagePath>();
  for (const entry of tree) {
    const names = namesOf(entry.path);
    for (const test of tests) {
      if (!names.some((name) => test.matches(name))) continue;
      test.hits++;
      keep.add(entry.path);
      for (let up = parentOf(entry.path); up !== undefined && !keep.has(up); up = parentOf(up)) keep.add(up);
    }
  }
  const vain = tests.find((test) => test.hits === 0);
  if (vain === undefined) return tree.filter((entry) => keep.has(entry.path));
  const message = `Cannot reduce ${what} to "${vain.glob}": the package has no such file, want a glob that matches`;
  throw new AshlarError("ASSEMBLE_ONLY_EMPTY", message, { details: { glob: vain.glob } });
}

/** A path as users may write it: merged /usr gives some files two names. */
function namesOf(path: ImagePath): readonly string[] {
  const [top, second] = path.split("/", 2);
  const merged = top === "usr" && (mergedDirectories as readonly (string | undefined)[]).includes(second);
  return merged ? [`/${path}`, `/${path.slice(4)}`] : [`/${path}`];
}

function dropGroups(tree: Tree, groups: readonly string[]): Tree {
  const rules = groups.map((group) => {
    const rule = Object.hasOwn(stripGroups, group) ? stripGroups[group] : undefined;
    if (rule !== undefined) return rule;
    const hint = `groups are ${Object.keys(stripGroups).join(", ")}`;
    throw new AshlarError("ASSEMBLE_STRIP_UNKNOWN", `Cannot strip "${group}": no such group, want one of ours`, {
      hint,
    });
  });
  const below = rules.flatMap((rule) => rule.below);
  const marked = (path: string): boolean => below.some((prefix) => path.startsWith(prefix) || `${path}/` === prefix);
  const kept = tree.filter((entry) => !marked(entry.path) || isKept(entry, rules));
  return dropEmptied(kept, marked);
}

function isKept(
  entry: Entry,
  rules: readonly { readonly below: readonly string[]; readonly keep?: RegExp }[],
): boolean {
  if (entry.type === "dir") return true;
  return rules.every((rule) => {
    const inside = rule.below.some((prefix) => entry.path.startsWith(prefix));
    return !inside || (rule.keep?.test(entry.path) ?? false);
  });
}

/** Takes out the directories below the groups that hold nothing any more. */
function dropEmptied(tree: Tree, marked: (path: string) => boolean): Tree {
  const used = new Set<ImagePath>();
  for (const entry of tree) {
    if (entry.type === "dir" && marked(entry.path)) continue;
    for (let up = parentOf(entry.path); up !== undefined && !used.has(up); up = parentOf(up)) used.add(up);
  }
  return tree.filter((entry) => entry.type !== "dir" || !marked(entry.path) || used.has(entry.path));
}
