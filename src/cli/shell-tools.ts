// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import { AshlarError, isSystemError } from "../base/index.ts";
import { findImage, findPath, lookAtRecord } from "../build/index.ts";
import { parseElf } from "../formats/index.ts";
import type { SandboxMount } from "../sandbox/index.ts";
import type { Store } from "../store/index.ts";
import { hostPlatform, platformChoice } from "./host-platform.ts";
import type { GlobalOptions, Shell } from "./shell.ts";
import { withBuilt } from "./verbs/build.ts";

/** Where the tools are seen inside. */
const target = "/.ashlar/tools";

/** The names under which busybox is at hand, if it has them. */
const applets =
  `[ ar ash awk base64 basename bunzip2 bzcat bzip2 cat chgrp chmod chown chroot cksum clear cmp cp
  cpio crc32 cut date dc dd df diff dirname du echo ed egrep env expand expr factor false fgrep find fold free
  fuser getopt grep groups gunzip gzip head hexdump hostname httpd id ifconfig ip ipcalc kill killall less link ln
  ls lsof md5sum mkdir mkfifo mktemp more mount mv nc netstat nl nproc od paste patch pgrep pidof ping pkill printf
  ps pstree pwd readlink realpath reset resize rev rm rmdir route sed seq sha1sum sha256sum sha3sum sha512sum sh
  shuf sleep sort split stat strings stty sum sync sysctl tac tail tar tee telnet test time timeout top touch tr
  traceroute tree true truncate tty umount uname unexpand uniq unlink unlzma unxz unzip uptime usleep uudecode
  uuencode vi watch wc wget which whoami xargs xxd xz xzcat yes zcat`.split(/\s+/);

interface ToolsOptions extends GlobalOptions {
  readonly tools?: string;
  readonly offline?: boolean;
}

interface Needing {
  readonly shell: Shell;
  readonly store: Store;
  readonly options: ToolsOptions;
}

/** Lets `use` work with a directory of tools, and removes it. The tools are of the host's architecture. */
export async function withTools<T>(needing: Needing, use: (tools: SandboxMount) => Promise<T>): Promise<T> {
  const { store } = needing;
  const dir = mkdtempSync(join(store.tmpDir, "tools-"));
  try {
    // Other users inside want to read it too; what lies above is closed to them.
    const source = join(dir, "tools");
    mkdirSync(source, { mode: 0o755 });
    await putBusybox(needing, join(source, "busybox"));
    for (const name of applets) symlinkSync("busybox", join(source, name));
    return await use({ source, target, writable: false });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function putBusybox(needing: Needing, file: string): Promise<void> {
  const found = findBusybox(needing);
  if (found !== undefined) copyFileSync(found, file);
  else writeFileSync(file, await busyboxOfArchive(needing));
  chmodSync(file, 0o755);
}

/** The program that the user names, else the host's own. Throws `USAGE_TOOLS`. */
function findBusybox({ shell, options }: Needing): string | undefined {
  if (options.tools !== undefined) {
    const path = resolve(shell.cwd, options.tools);
    if (isStatic(path)) return path;
    throw new AshlarError(
      "USAGE_TOOLS",
      `Cannot use tools "${options.tools}": want a statically linked program`,
      {
        hint: "e.g. /bin/busybox of Debian's package busybox-static",
      },
    );
  }
  const dirs = `${shell.env["PATH"] ?? ""}:/usr/bin:/bin`.split(":").filter((dir) => dir.startsWith("/"));
  return dirs.map((dir) => join(dir, "busybox")).find(isStatic);
}

/** Tells whether a program is there and needs nothing of the root in which it runs. */
function isStatic(path: string): boolean {
  try {
    const elf = parseElf(readFileSync(path));
    return elf !== undefined && elf.interpreter === undefined && elf.needed.length === 0;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES", "EISDIR", "ENOTDIR")) return false;
    throw error;
  }
}

const imageName = "ashlar/tools";

const spec = `ashlar: image/v1
name: ${imageName}
from: debian:trixie
platforms: [${hostPlatform()}]
system:
  install: unpack
  base: none
  packages: [busybox-static]
  only: { busybox-static: [/usr/bin/busybox] }
  strip: [docs, man, info, locales, lintian, bugs, scripts]
`;

/** Debian's busybox, verified as all packages are and kept in the store as an image of its own. */
async function busyboxOfArchive(needing: Needing): Promise<Uint8Array> {
  const { store, shell, options } = needing;
  if (store.getRef(`image/${imageName}`) === undefined) {
    const dir = mkdtempSync(join(store.tmpDir, "tools-spec-"));
    try {
      writeFileSync(join(dir, "ashlar.yaml"), spec);
      const { tools: _tools, ...others } = options;
      // The lock of the tools is made here, also where images may only be built from locks that are there.
      const here = { ...shell, env: { ...shell.env, CI: undefined } };
      await withBuilt(here, dir, { ...others, compression: "zstd:chunked" }, async () => undefined);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
  const looked = lookAtRecord(store, findImage(store, imageName), platformChoice(hostPlatform()));
  const entry = findPath(await looked.tree(), "/usr/bin/busybox");
  if (entry.type !== "file") throw new Error("internal error: busybox is no file");
  return store.read(entry.content);
}
