// SPDX-License-Identifier: Apache-2.0
import type { Rule, RuleChange } from "./rule.ts";
import { removal, type RuleRoot } from "./rule-root.ts";

export const aptCaches: Rule = {
  name: "apt-caches",
  why: "apt's caches hold addresses in memory, downloads and the archive's indexes of the day",
  apply: (root) =>
    removed(
      root,
      /^var\/cache\/apt\/([^/]+\.bin|archives\/(.+\.deb|partial\/.+))$|^var\/lib\/apt\/lists\/(?!lock$)/,
    ),
};

export const ldconfigCache: Rule = {
  name: "ldconfig-aux-cache",
  why: "ldconfig's own cache holds inode numbers and times of libraries; ld.so.cache does not",
  apply: (root) => removed(root, /^var\/cache\/ldconfig\/aux-cache~?$/),
};

/** Directories too: mandb makes one for each language. `man` works without, `apropos` after `mandb`. */
export const manCache: Rule = {
  name: "man-cache",
  why: "man-db's index holds times of pages, and is out of date where directories have others",
  apply(root) {
    const below = /^var\/cache\/man\/./;
    const own = root.made.filter(
      ({ path, type }) => below.test(path) && !(type === "dir" && root.owners.has(path)),
    );
    return own.map((entry) => removal(entry, "removed; mandb makes it again"));
  },
};

export const fontCache: Rule = {
  name: "font-cache",
  why: "fontconfig's caches hold times of directories; they are made again when needed",
  apply: (root) => removed(root, /^(var\/cache\/fontconfig|usr\/lib\/fontconfig\/cache)\/.+\.cache-[^/]*$/),
};

function removed(root: RuleRoot, path: RegExp): readonly RuleChange[] {
  return root.madeFiles(path).map((file) => removal(file));
}
