// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { podmanPrograms } from "../podman.ts";
import { ashlar, must, run } from "../programs.ts";
import { tryContainer } from "./full-container.ts";
import { knownDifferences, named } from "./full-differences.ts";
import { compareRoots, type Difference, readRoot } from "./full-tree.ts";
import { debsOf, makeArchive, sourceLine } from "./local-archive.ts";

/**
 * `sh tools/run test/long/full.ts [R1|R2|R3 ...] [--keep DIR] [--store DIR]`: builds minimal systems in full and
 * holds them against mmdebstrap's, made of the same .debs: every path, mode, owner, link, content and attribute.
 * What differs has to be in the list of docs/full.md. Then dpkg looks at ours, and a container of it does some
 * work and installs a package more. Needs root, mmdebstrap, apt-ftparchive, podman and the archive.
 */
const sets: Readonly<Record<string, { readonly packages: readonly string[]; readonly work: string }>> = {
  R1: { packages: [], work: "bash -c 'perl -e 1; su nobody -s /bin/sh -c id'" },
  R2: {
    packages: ["nginx", "curl", "ca-certificates"],
    work: "nginx -t -q; nginx; curl -fsS http://127.0.0.1/ | grep -q Welcome; test -s /etc/ssl/certs/ISRG_Root_X1.pem",
  },
  R3: {
    packages: ["python3", "python3-venv", "git"],
    work: "python3 -m venv /tmp/v; /tmp/v/bin/python -c 'import ssl, sqlite3'; git init -q /tmp/g",
  },
};

async function main(): Promise<void> {
  const keep = option("--keep");
  const dir = keep === undefined ? mkdtempSync(join(tmpdir(), "ashlar-full-")) : resolve(keep);
  const chosen = process.argv.slice(2).filter((word) => Object.hasOwn(sets, word));
  let failed = 0;
  try {
    for (const name of chosen.length > 0 ? chosen : Object.keys(sets)) {
      const place = join(dir, name);
      rmSync(place, { recursive: true, force: true });
      failed += trySet(name, place, option("--store") ?? join(dir, "store"));
    }
  } finally {
    if (keep === undefined) rmSync(dir, { recursive: true, force: true });
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** How many differences are in no list. */
function trySet(name: string, dir: string, store: string): number {
  const { packages, work } = sets[name] as (typeof sets)[string];
  const [ours, theirs, archive] = [join(dir, "ours"), join(dir, "theirs"), join(dir, "archive")];
  const tag = "localhost/full:v1";
  const image = join(dir, "image.tar");
  const outputs = [`rootfs:${ours}`, `docker-archive:${image}:${tag}`];
  const system = { base: "minbase", install: "full", packages };
  const debs = build(join(dir, "full"), { system, store, outputs });
  const more = { base: "none", install: "unpack", packages: ["less"] };
  makeArchive(archive, [...debs, ...build(join(dir, "less"), { system: more, store, outputs: [] })]);
  bootstrap(theirs, ["apt", ...packages], archive);
  const found = compareRoots(readRoot(ours), readRoot(theirs)).map((one) => named(one, ours, theirs));
  const unknown = report(name, found);
  checkDatabase(ours, theirs);
  const said = tryContainer(join(dir, "container"), { image, name: tag, work, archive });
  assert.match(said, /^less \d+[^]*\ninstalled\n$/m);
  console.log(`${name}: dpkg is content; the container does its work and installs less`);
  return unknown;
}

interface BuildOf {
  readonly system: { readonly base: string; readonly install: string; readonly packages: readonly string[] };
  readonly store: string;
  readonly outputs: readonly string[];
}

/** Builds an image of some packages; paths of its .debs. */
function build(project: string, { system, store, outputs }: BuildOf): readonly string[] {
  mkdirSync(project, { recursive: true });
  const spec = { ashlar: "image/v1", name: "full", from: "debian:bookworm", platforms: ["linux/amd64"] };
  const text = JSON.stringify({ ...spec, system, expect: { closure: "warn" } });
  writeFileSync(join(project, "ashlar.yaml"), text);
  const { status, err } = ashlar(store, ["build", project, ...outputs.flatMap((output) => ["--output", output])]);
  assert.equal(status, 0, err);
  return debsOf(join(project, "ashlar.lock"), store);
}

/** mmdebstrap's root of the same packages, with merged /usr made as Debian's installer does. */
function bootstrap(root: string, packages: readonly string[], archive: string): void {
  const form = ["--mode=root", "--variant=minbase", "--format=directory", "--architectures=amd64"];
  const hooks = ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", `--include=${packages.join(",")}`];
  const words = [...form, ...hooks, "--quiet", "bookworm", root, sourceLine(archive, "copy")];
  // Scripts would hear of this host's environment, e.g. PYTHONDONTWRITEBYTECODE.
  const fixed = [`PATH=${process.env["PATH"]}`, "SOURCE_DATE_EPOCH=315532800", "LC_ALL=C.UTF-8"];
  must("env", ["-i", ...fixed, "mmdebstrap", ...words]);
}

/** Prints what differs, by line of the list; returns how many differences are in none. */
function report(name: string, found: readonly Difference[]): number {
  const unknown = new Set(found);
  for (const known of knownDifferences()) {
    const some = found.filter((one) => known.matches(one));
    for (const one of some) unknown.delete(one);
    if (some.length > 0) console.log(`${name}: ${some.length} x ${known.paths}: ${known.why}`);
  }
  for (const { path, what, detail } of unknown)
    console.log(`${name}: UNKNOWN /${path} (${what.join(", ")}): ${detail}`);
  console.log(`${name}: ${found.length} differences, ${unknown.size} of them in no list`);
  return unknown.size;
}

/** dpkg's own opinion of our root, and both databases' lists of packages. */
function checkDatabase(ours: string, theirs: string): void {
  const dpkg = (root: string, ...args: readonly string[]): string => must("chroot", [root, ...args]);
  assert.equal(dpkg(ours, "dpkg", "--audit"), "", "dpkg --audit says nothing");
  assert.equal(dpkg(ours, "dpkg", "--verify"), "", "dpkg --verify says nothing");
  const format = "--showformat=${binary:Package} ${Version} ${Status}\n";
  const list = (root: string): string => dpkg(root, "dpkg-query", "--show", format);
  assert.equal(list(ours), list(theirs));
}

const absent = ["mmdebstrap", "apt-ftparchive", "chroot", ...podmanPrograms].filter(
  (program) => run("sh", ["-c", `command -v ${program}`]).status !== 0,
);
if (process.getuid?.() !== 0 || absent.length > 0) {
  console.log(`cannot compare: needs root${absent.map((program) => ` and ${program}`).join("")}`);
  process.exitCode = 1;
} else await main();
