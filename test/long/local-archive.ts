// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hexOf } from "../../src/base/index.ts";
import { parseLock } from "../../src/lock/index.ts";
import { run } from "./run.ts";

const suite = "bookworm";
const component = "main";
const architecture = "amd64";

/** Paths of the .debs of a lock among the downloads of a store; of all its images. */
export function debsOf(lockFile: string, store: string): readonly string[] {
  const lock = parseLock(readFileSync(lockFile), lockFile);
  const digests = new Set(lock.images.flatMap((image) => image.packages.map((item) => item.digest)));
  return [...digests].map((digest) => {
    const hex = hexOf(digest);
    return join(store, "downloads/sha256", hex.slice(0, 2), hex);
  });
}

/**
 * Makes an unsigned archive of these .debs, as apt reads it: there is nothing else it could choose. With `others`,
 * the stanzas of a whole suite, the index is as long as a mirror's.
 */
export function makeArchive(dir: string, debs: readonly string[], others: readonly string[] = []): void {
  const binaries = join(dir, "dists", suite, component, `binary-${architecture}`);
  for (const path of [binaries, join(dir, "pool")]) mkdirSync(path, { recursive: true });
  for (const deb of debs) {
    assert.ok(existsSync(deb), `no download at ${deb}`);
    const name = output("dpkg-deb", ["--show", "--showformat=${Package}_${Version}_${Architecture}", deb]);
    copyFileSync(deb, join(dir, "pool", `${name.replaceAll(":", "%3a")}.deb`));
  }
  const own = output("apt-ftparchive", ["packages", "pool"], dir);
  const names = new Set(own.match(/^Package: .*$/gm));
  const rest = others.filter((stanza) => !names.has(/^Package: .*$/m.exec(stanza)?.[0] ?? ""));
  writeFileSync(join(binaries, "Packages"), own + rest.map((stanza) => `${stanza}\n\n`).join(""));
  // As on a mirror; apt takes the smallest.
  if (rest.length > 0) output("xz", ["-1", "--keep", "Packages"], binaries);
  const about = { Codename: suite, Suite: suite, Components: component, Architectures: architecture };
  const options = Object.entries(about).flatMap(([key, value]) => ["-o", `APT::FTPArchive::Release::${key}=${value}`]);
  const release = output("apt-ftparchive", [...options, "release", "."], join(dir, "dists", suite));
  writeFileSync(join(dir, "dists", suite, "Release"), release);
}

/** The line of a sources.list for an archive of `makeArchive`; "copy" or "file". */
export function sourceLine(dir: string, method: "copy" | "file"): string {
  return `deb [trusted=yes] ${method}:${dir} ${suite} ${component}`;
}

function output(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr } = run(command, args, cwd);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}
