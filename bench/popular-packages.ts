// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { compareVersions, field, parseControl, type Stanza } from "../src/debian/index.ts";

/** Sections that hold no software of their own, or none that an image starts. */
const otherSections = new Set(["metapackages", "debug", "oldlibs", "doc", "kernel", "introspection", "translations"]);
const emptyDescription = /\b(transitional|dummy|metapackage|meta-package|meta package)\b/i;
const kernels = /^(linux|kernel)-(image|headers|modules|kbuild|source)/;

/** A package as the index of a suite has it. */
interface IndexedPackage {
  readonly name: string;
  readonly stanza: Stanza;
}

/**
 * Names of the most installed packages of a suite, most installed first: by the results of the popularity
 * contest that Debian publishes in package debian-cd (number of installations, frozen in 2018), then, for what is
 * younger than they are, by how many packages depend on it. Without essential packages, metapackages, kernels and
 * empty or transitional ones. `dir` is for a download; apt of this host has to know the suite.
 */
export function popularPackages(suite: string, dir: string): readonly string[] {
  const index = readIndex(suite);
  const wanted = new Set([...index.values()].filter(isSoftware).map(({ name }) => name));
  const contest = contestNames(dir).filter((name) => wanted.has(name));
  const counts = dependents(index);
  const rest = [...wanted].filter((name) => !contest.includes(name));
  rest.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0) || (a < b ? -1 : 1));
  return [...new Set([...contest, ...rest])];
}

/** The newest version of each package. */
function readIndex(suite: string): ReadonlyMap<string, IndexedPackage> {
  const found = new Map<string, IndexedPackage>();
  for (const stanza of indexTexts(suite).flatMap((part) => parseControl(Buffer.from(part)))) {
    const name = field(stanza, "Package") ?? "";
    const before = found.get(name);
    if (before === undefined || compareVersions(versionOf(stanza), versionOf(before.stanza)) > 0) {
      found.set(name, { name, stanza });
    }
  }
  return found;
}

/** The stanzas of the suite's indexes that apt of this host has, main archive, updates and security alike. */
export function indexTexts(suite: string): readonly string[] {
  const only = ["Created-By: Packages", "Architecture: amd64"];
  const listed = execFileSync("apt-get", ["indextargets", "--format", "$(CODENAME) $(FILENAME)", ...only], {
    encoding: "utf8",
  });
  const files = listed.split("\n").flatMap((line) => {
    const [codename = "", file = ""] = line.split(" ");
    return codename.replace(/-(updates|security)$/, "") === suite ? [file] : [];
  });
  const options = { maxBuffer: 1 << 28, encoding: "utf8" } as const;
  const texts = files.map((file) => execFileSync("/usr/lib/apt/apt-helper", ["cat-file", file], options));
  const stanzas = texts
    .join("\n")
    .split(/\n{2,}/)
    .filter((text) => text.trim() !== "");
  if (stanzas.length === 0) throw new Error(`apt of this host has no index of ${suite}; run apt-get update`);
  return stanzas;
}

function versionOf(stanza: Stanza): string {
  return field(stanza, "Version") ?? "";
}

function isSoftware({ name, stanza }: IndexedPackage): boolean {
  const section = (field(stanza, "Section") ?? "").replace(/^.*\//, "");
  if (otherSections.has(section) || field(stanza, "Essential") === "yes") return false;
  return !kernels.test(name) && !emptyDescription.test(field(stanza, "Description") ?? "");
}

/** Lines of the list in debian-cd, a comment before them; one package a line. */
function contestNames(dir: string): readonly string[] {
  execFileSync("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", "download", "debian-cd"], { cwd: dir });
  const [deb] = globSync("debian-cd_*.deb", { cwd: dir }) as [string];
  execFileSync("dpkg-deb", ["-x", deb, "debian-cd"], { cwd: dir });
  const path = join(dir, "debian-cd/usr/share/debian-cd/tasks/bookworm/popularity-contest");
  const text = readFileSync(path, "utf8").replace(/\/\*[^]*?\*\//g, "");
  return [...new Set(text.split("\n").map((line) => line.trim()))].filter((line) => line !== "");
}

/** How many packages name another one in Depends or Pre-Depends. */
function dependents(index: ReadonlyMap<string, IndexedPackage>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { stanza } of index.values()) {
    const text = ["Depends", "Pre-Depends"].map((key) => field(stanza, key) ?? "").join(",");
    const names = new Set(
      [...text.matchAll(/(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)/g)].map((match) => match[1] as string),
    );
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
