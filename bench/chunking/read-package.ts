// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

import { byText, compareOrdinal, type Digest, digestOf } from "../../src/base/index.ts";

export interface PackagedFile {
  readonly path: string;
  readonly content: Digest;
  readonly sizeBytes: number;
  /** Where it lies unpacked. */
  readonly place: string;
}

/** Two versions of a package. */
export interface PackagePair {
  readonly name: string;
  readonly versions: readonly [string, string];
  readonly old: readonly PackagedFile[];
  readonly new: readonly PackagedFile[];
}

/** Unpacks each package that lies in `old` and in `new` of a set, by name; the files are there until the next one. */
export function* readPairs(set: string): Generator<PackagePair> {
  const [before, after] = [debsOf(join(set, "old")), debsOf(join(set, "new"))];
  for (const [name, oldDeb] of before) {
    const newDeb = after.get(name);
    if (newDeb === undefined) throw new Error(`no new version of ${name} in ${set}`);
    mkdirSync(join(set, "tmp"), { recursive: true });
    const place = mkdtempSync(join(set, "tmp", `${name}-`));
    const files = (deb: string, side: string): PackagedFile[] => unpack(deb, join(place, side));
    try {
      yield {
        name,
        versions: [versionOf(oldDeb), versionOf(newDeb)],
        old: files(oldDeb, "old"),
        new: files(newDeb, "new"),
      };
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  }
}

/** By name of the package: the files are called NAME_VERSION_ARCHITECTURE.deb. */
function debsOf(dir: string): Map<string, string> {
  const names = readdirSync(dir).filter((name) => name.endsWith(".deb"));
  return new Map(names.sort(compareOrdinal).map((name) => [name.split("_", 1)[0] as string, join(dir, name)]));
}

function versionOf(deb: string): string {
  return execFileSync("dpkg-deb", ["--field", deb, "Version"], { encoding: "utf8" }).trim();
}

/** Contents in the order of a layer, each once. */
function unpack(deb: string, dir: string): PackagedFile[] {
  execFileSync("dpkg-deb", ["--extract", deb, dir]);
  const found = new Map<Digest, PackagedFile>();
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const place of entries.map((entry) => join(entry.parentPath, entry.name)).sort(compareOrdinal)) {
    const bytes = readFileSync(place);
    const content = digestOf(bytes);
    if (bytes.length === 0 || found.has(content)) continue;
    found.set(content, { path: relative(dir, place), content, sizeBytes: bytes.length, place });
  }
  return [...found.values()].sort(byText(({ path }) => path));
}
