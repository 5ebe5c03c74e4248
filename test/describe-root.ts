// SPDX-License-Identifier: Apache-2.0
import { must } from "./programs.ts";

/** Path, kind, mode, owner, size of links, time and number of names, then extended attributes; sorted. */
export function describeRoot(root: string): string[] {
  const format = "%P %y %m %U:%G %T@ %l";
  const entries = must("find", [root, "-mindepth", "1", "-printf", `${format}\\n`]).trim().split("\n").sort();
  const attributes = must("sh", ["-c", 'cd "$1" && getfattr -R -h -d -m - -e hex .', "sh", root]);
  return [...entries, attributes];
}
