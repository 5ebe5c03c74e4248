// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { digestOf, emptyDigest, parsePath } from "../../src/base/index.ts";
import { encodeTarHeader, type Entry, tarEnd, tarPadding } from "../../src/formats/index.ts";
import { sample } from "../../src/store/testing/sample.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1_700_000_000 };
const deep = `usr/share/${"deep-directory/".repeat(6)}`;

/** Files of the sample; `edition` changes two of them. */
export function sampleFiles(edition: number): Readonly<Record<string, Buffer>> {
  return {
    "etc/motd": Buffer.from(edition === 1 ? "hello\n" : "hello again\n"),
    "usr/bin/tool": sample(1, 3_000),
    "usr/bin/twin": sample(1, 3_000),
    "usr/lib/large": Buffer.concat([sample(2, 2_500), sample(edition + 5, 1_000)]),
    [`${deep}${"n".repeat(40)}`]: Buffer.from("long, but prefix and name hold it\n"),
    [`usr/${"m".repeat(130)}`]: Buffer.from("too long for both\n"),
    "usr/share/na\u00efve": Buffer.from("not ASCII\n"),
    "var/empty": Buffer.alloc(0),
    "var/last": Buffer.from("the end\n"),
  };
}

/** A tar by our own writer, with every kind of member and whatever ustar cannot say. */
export function ownTar(edition: number): Buffer {
  const files = sampleFiles(edition);
  const dirs = ["dev", "etc", "usr", "usr/bin", "usr/lib", "usr/share", "var"];
  const others: readonly Entry[] = [
    ...dirs.map((path): Entry => ({ ...meta, type: "dir", path: parsePath(path), mode: 0o755 })),
    { ...meta, type: "char", path: parsePath("dev/null"), mode: 0o666, major: 1, minor: 3, mtimeSeconds: 0 },
    { ...meta, type: "fifo", path: parsePath("dev/queue"), uid: 3_000_000, mtimeSeconds: -5 },
    { ...meta, type: "symlink", path: parsePath("usr/bin/link"), mode: 0o777, target: `../${"t".repeat(120)}` },
    { ...meta, type: "hardlink", path: parsePath("usr/bin/hard"), target: parsePath("usr/bin/tool") },
  ];
  const pieces = [
    ...others.slice(0, -1).map(encodeTarHeader),
    ...Object.entries(files).flatMap(([path, bytes]) => fileMember(path, bytes)),
    ...others.slice(-1).map(encodeTarHeader),
  ];
  return Buffer.concat([...pieces, tarEnd]);
}

function fileMember(path: string, bytes: Buffer): Buffer[] {
  const content = bytes.length === 0 ? emptyDigest : digestOf(bytes);
  const xattrs = path === "usr/bin/tool" ? { "user.note": "AAECPQo=" } : undefined;
  const entry = { ...meta, path: parsePath(path), sizeBytes: bytes.length, content, ...(xattrs && { xattrs }) };
  return [encodeTarHeader({ ...entry, type: "file" }), bytes, tarPadding(bytes.length)];
}

/** A tar by GNU tar in one of its formats; `fraction` is added to the times, in seconds. */
export function gnuTar(dir: string, format: string, { fraction = 0 } = {}): Buffer {
  const root = join(dir, `tree-${format}-${fraction}`);
  rmSync(root, { recursive: true, force: true });
  for (const [path, bytes] of Object.entries(sampleFiles(1))) {
    if (format === "v7" && path.length > 99) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), bytes);
    utimesSync(join(root, path), meta.mtimeSeconds + fraction, meta.mtimeSeconds + fraction);
  }
  symlinkSync(format === "v7" ? "short" : `../${"t".repeat(120)}`, join(root, "usr/bin/link"));
  linkSync(join(root, "usr/bin/tool"), join(root, "usr/bin/hard"));
  const args = ["--sort=name", `--format=${format}`, "--owner=root:0", "--group=root:0", "-cf", "-", "."];
  return execFileSync("tar", ["-C", root, ...args], { maxBuffer: 1 << 24, env: { ...process.env, LC_ALL: "C" } });
}
