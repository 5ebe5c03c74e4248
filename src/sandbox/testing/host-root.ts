// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

import { type ImagePath, parentOf, parsePath } from "../../base/index.ts";
import { type Entry, makeTree, type Tree } from "../../formats/index.ts";
import type { Store } from "../../store/index.ts";

const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };

/** Where Debian's busybox-static lies. */
export const busyboxPath = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));

const applets = (
  "sh cat ls cp mv rm ln mkdir rmdir touch chmod chown mkfifo mknod echo printf id hostname env sleep dd head sort " +
  "grep mount umount unshare stat readlink kill yes true false pwd sed tr wc seq find setsid nohup ip timeout test"
).split(" ");

/** A small root: busybox as /bin/sh and more, files with all kinds of metadata, and what is given. */
export function hostRoot(store: Store, more: readonly Entry[] = []): Tree {
  const busybox = readFileSync(busyboxPath ?? "/bin/busybox");
  const entries: Entry[] = [
    fileOf(store, "bin/busybox", busybox, { mode: 0o755 }),
    ...[...new Set(applets)].map((name) => symlink(`bin/${name}`, "busybox")),
    fileOf(store, "etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n"),
    fileOf(store, "etc/shadow", "root:*:::::::\n", { mode: 0o640, gid: 42 }),
    fileOf(store, "var/same-1", "same\n"),
    fileOf(store, "var/same-2", "same\n"),
    fileOf(store, "var/linked", "linked\n"),
    {
      ...meta,
      mode: 0o644,
      type: "hardlink",
      path: parsePath("var/other-name"),
      target: parsePath("var/linked"),
    },
    { ...meta, type: "dir", path: parsePath("var/mail"), mode: 0o2775, gid: 8 },
    fileOf(store, "var/mail/kept", "kept\n", { uid: 33, gid: 8 }),
    fileOf(store, "usr/bin/capable", "#!/bin/sh\n", {
      mode: 0o755,
      xattrs: { "security.capability": "AAAAAgAgAAAAAAAAAAAAAAAAAAA=" },
    }),
    ...more,
  ];
  return withDirs(entries);
}

/** A file with a content that is put into the store. */
export function fileOf(store: Store, path: string, bytes: Uint8Array | string, more: object = {}): Entry {
  const { digest: content, sizeBytes } = store.put(Buffer.from(bytes));
  return { ...meta, mode: 0o644, type: "file", path: parsePath(path), content, sizeBytes, ...more };
}

function symlink(path: string, target: string): Entry {
  return { ...meta, mode: 0o777, type: "symlink", path: parsePath(path), target };
}

/** A program of the host with the libraries that it loads. */
export function hostProgram(store: Store, path: string): Entry[] {
  const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] as string);
  return [path, ...libraries].map((file) => fileOf(store, file, readFileSync(file), { mode: 0o755 }));
}

/** The entries with the directories they need. */
function withDirs(entries: readonly Entry[]): Tree {
  const tree = new Map<ImagePath, Entry>(entries.map((entry) => [entry.path, entry]));
  for (const entry of entries) {
    for (let path = parentOf(entry.path); path !== undefined && !tree.has(path); path = parentOf(path)) {
      tree.set(path, { ...meta, type: "dir", path, mode: 0o755 });
    }
  }
  return makeTree(tree.values());
}
