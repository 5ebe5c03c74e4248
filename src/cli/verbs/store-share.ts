// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

import { AshlarError } from "../../base/index.ts";
import { joinStore, shareStore } from "../../store/index.ts";
import { type GlobalOptions, type Outcome, type Shell, storeDirOf } from "../shell.ts";
import { printable } from "../show.ts";

/** `ashlar store share DIR --group GROUP`. Throws `USAGE_GROUP`. */
export function share(shell: Shell, dir: string, options: GlobalOptions & { readonly group: string }): Outcome {
  const [path, gid] = [resolve(shell.cwd, dir), groupId(options.group)];
  shareStore(path, gid);
  const text = `${printable(path)} is for group ${gid}; each member runs: ashlar store join ${printable(path)}\n`;
  return { text, json: { dir: path, gid } };
}

/** A number, or what the system's databases say of a name. */
function groupId(group: string): number {
  if (/^\d{1,10}$/.test(group) && Number(group) < 2 ** 32) return Number(group);
  const { stdout } = spawnSync("getent", ["--", "group", group], { encoding: "utf8" });
  const [, digits] = /^[^:\n]+:[^:\n]*:(\d+):/.exec(stdout ?? "") ?? [];
  if (digits !== undefined) return Number(digits);
  throw new AshlarError("USAGE_GROUP", `Cannot share with group "${group}": there is none of this name`, {
    hint: "name a group of this system, or give its number",
  });
}

/** `ashlar store join DIR` */
export function join(shell: Shell, dir: string, options: GlobalOptions): Outcome {
  const [own, shared] = [storeDirOf(shell, options), resolve(shell.cwd, dir)];
  joinStore(own, shared);
  return { text: `${printable(own)} uses ${printable(shared)}\n`, json: { dir: own, shared } };
}
