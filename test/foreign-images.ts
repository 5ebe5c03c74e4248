// SPDX-License-Identifier: Apache-2.0
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { digestOf } from "../src/base/index.ts";
import { must } from "./programs.ts";

/** What makes images for these tests: programs of Debian. */
export const foreignPrograms = ["mmdebstrap", "umoci", "skopeo", "tar", "setfattr", "getfattr"];

/** Makes it half as large; that packages lack files is no matter to us. */
const leftOut = [
  "share/doc/*",
  "share/locale/*",
  "share/man/*",
  "share/perl/*",
  "lib/*/perl/*",
  "lib/*/gconv/*",
];
const without = leftOut.map((glob) => `--exclude=./usr/${glob}`);

/**
 * Makes an image that no line of ours had a part in: Debian's essential set by mmdebstrap in one layer of umoci;
 * on it a layer that removes, replaces and links, one with an opaque directory, and one of a whiteout alone.
 * Returns the layout, tag "base".
 */
export function makeForeignImage(dir: string): string {
  mkdirSync(dir, { recursive: true });
  const [tar, layout, bundle] = [join(dir, "root.tar"), join(dir, "layout"), join(dir, "bundle")];
  must("mmdebstrap", [
    "--variant=essential",
    "--quiet",
    "bookworm",
    tar,
    `deb ${hostMirror()} bookworm main`,
  ]);
  const umoci = (...args: readonly string[]): string => must("umoci", args);
  const image = `--image=${layout}:base`;
  const repack = (what: string): string =>
    umoci("repack", image, "--refresh-bundle", `--history.created_by=${what}`, bundle);
  umoci("init", `--layout=${layout}`);
  umoci("new", image);
  umoci("unpack", image, bundle);
  const root = join(bundle, "rootfs");
  must("tar", ["-x", "-f", tar, "-C", root, "--exclude=./dev/*", ...without]);
  repack("a whole system");
  changeRoot(root);
  repack("changes");
  const added = join(dir, "added");
  mkdirSync(added);
  writeFileSync(join(added, "file"), "n\n");
  umoci("insert", image, "--opaque", added, "/usr/share/misc");
  umoci("insert", image, "--whiteout", "/usr/share/bug");
  umoci("config", image, ...config);
  for (const path of [tar, bundle, added]) rmSync(path, { recursive: true });
  return layout;
}

const config = [
  ...["--config.env=FOO=bar", "--config.env=PATH=/usr/sbin:/usr/bin:/sbin:/bin", "--config.workingdir=/srv"],
  ...["--config.entrypoint=/bin/sh", "--config.entrypoint=-c", "--config.cmd=true", "--config.label=a=b"],
  ...["--config.exposedports=80/tcp", "--config.volume=/data", "--author=somebody else"],
];

function changeRoot(root: string): void {
  const at = (path: string): string => join(root, path);
  rmSync(at("usr/share/lintian"), { recursive: true });
  rmSync(at("var/log/apt"), { recursive: true, force: true });
  writeFileSync(at("var/log/apt"), "a file where a directory was\n");
  mkdirSync(at("srv/www"));
  writeFileSync(at("srv/www/a"), "one\n");
  linkSync(at("srv/www/a"), at("srv/www/b"));
  linkSync(at("usr/lib/os-release"), at("srv/linked-below"));
  symlinkSync("www/a", at("srv/link"));
  must("setfattr", ["-n", "user.note", "-v", "x", at("srv/www/a")]);
}

/** The address of Debian's archive that this machine's apt asks. */
function hostMirror(): string {
  const below = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...readdirSync(below).map((name) => join(below, name))];
  for (const file of files) {
    const found = /^(?:deb .*?|URIs: *)(https?:\/\/\S*debian\/?)(?:\s|$)/m.exec(readText(file));
    if (found !== null) return found[1] as string;
  }
  throw new Error("apt of this machine has no archive of Debian");
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Copies an image to another place; returns the digest of its manifest there. */
export function skopeoCopy(from: string, to: string, options: readonly string[] = []): string {
  mkdirSync(dirname(to.split(":")[1] as string), { recursive: true });
  must("skopeo", ["copy", "--quiet", "--insecure-policy", ...options, from, to]);
  return to.startsWith("docker-archive:") ? "" : digestOf(must("skopeo", ["inspect", "--raw", to]));
}
