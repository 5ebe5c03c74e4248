// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { digestOf } from "../../base/index.ts";
import type { Store } from "../../store/index.ts";

/** All that is true of the files of a store that hold contents: a line each. Link counts change with use. */
export function storeSnapshot(store: Store): string[] {
  const base = dirname(store.tmpDir);
  const lines: string[] = [];
  for (const part of ["packs", "links", "roots"]) {
    const dir = join(base, part);
    for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" }).sort()) {
      lines.push(`${part}/${name} ${describe(join(dir, name))}`);
    }
    const { stdout, status } = spawnSync("getfattr", ["-R", "-d", "-m", "-", "--absolute-names", dir], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error("getfattr (package attr) is needed");
    lines.push(stdout);
  }
  return lines;
}

function describe(path: string): string {
  const { ino, size, mode, mtimeMs, uid, gid } = lstatSync(path);
  const content = lstatSync(path).isFile() ? digestOf(readFileSync(path)) : "";
  return `${ino} ${size} ${mode.toString(8)} ${mtimeMs} ${uid}:${gid} ${content}`;
}
