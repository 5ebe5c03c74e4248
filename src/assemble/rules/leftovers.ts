// SPDX-License-Identifier: Apache-2.0
import type { Rule } from "./rule.ts";
import { emptying, removal } from "./rule-root.ts";

const backupPaths = new RegExp(
  [
    "^etc/(passwd|group|shadow|gshadow|subuid|subgid)-$",
    "^var/lib/dpkg/(status|diversions|statoverride|available)-old$",
    "^var/cache/debconf/(config|templates|passwords)\\.dat-old$",
    "^var/backups/",
  ].join("|"),
);

export const backups: Rule = {
  name: "backups",
  why: "the state before the last step of an installation depends on how many steps there were",
  apply: (root) => root.madeFiles(backupPaths).map((file) => removal(file)),
};

/** Empty, they are the same everywhere and stay, as dpkg and apt leave them. */
const lockPaths = new RegExp(
  [
    "^etc/\\.pwd\\.lock$",
    "^var/lib/dpkg/(lock|lock-frontend|triggers/Lock)$",
    "^var/lib/apt/(daily_lock|lists/lock)$",
    "^var/cache/apt/archives/lock$",
  ].join("|"),
);
/** The lock files of shadow(5) name the process that holds them. */
const staleLocks = /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)\.(lock|\d+)$/;

export const locks: Rule = {
  name: "locks",
  why: "a lock may hold the number of the process that took it",
  apply: (root) =>
    root.madeFiles(/^(etc|var)\//).flatMap((file) => {
      if (staleLocks.test(file.path)) return [removal(file)];
      return lockPaths.test(file.path) ? emptying(file) : [];
    }),
};

/** dpkg's journal and its place for unpacked control files; both empty after a run that ended well. */
const dpkgTemporary =
  /^var\/lib\/dpkg\/(updates\/.+|tmp\.ci(\/.*)?|reassemble\.deb|[^/]+-new)$|^etc\/ld\.so\.cache~$/;

export const dpkgTemporaries: Rule = {
  name: "dpkg-temporaries",
  why: "what dpkg and ldconfig are in the middle of depends on when they were last interrupted",
  apply: (root) => root.made.filter(({ path }) => dpkgTemporary.test(path)).map((entry) => removal(entry)),
};
