// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";

import { digestOf } from "../../base/index.ts";
import type { Store } from "../../store/index.ts";

/** All that is true of the files of a store that hold contents: a line each. Link counts change with use. */
export function storeSnapshot(store: Store): string[] {
  const base = dirname(store.tmpDir);
  const lines: string[] = [];
  for (const part of ["packs", "links", "roots"]) {
    const dir = join(base, part);
    for (const path of [dir, ...pathsBelow(dir)]) lines.push(`${path} ${describe(path)}`);
    const { stdout, status } = spawnSync("getfattr", ["-R", "-h", "-d", "-m", "-", "--absolute-names", dir], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error("getfattr (package attr) is needed");
    lines.push(stdout);
  }
  return lines;
}

/** Not Node's own recursive listing, which follows symlinks to directories, out of the store too. */
function* pathsBelow(dir: string): Iterable<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    yield path;
    if (entry.isDirectory()) yield* pathsBelow(path);
  }
}

function describe(path: string): string {
  const { ino, size, mode, mtimeNs, uid, gid } = lstatSync(path, { bigint: true });
  const isLink = lstatSync(path).isSymbolicLink();
  const content = isLink ? readlinkSync(path) : lstatSync(path).isFile() ? digestOf(readFileSync(path)) : "";
  return `${ino} ${size} ${mode.toString(8)} ${mtimeNs} ${uid}:${gid} ${content}`;
}
