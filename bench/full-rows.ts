// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeArchive, sourceLine } from "../test/long/local-archive.ts";
import { type Command, compare, type Figures } from "./measure.ts";
import { indexTexts } from "./popular-packages.ts";
import { type Row, showMegabytes, showRun } from "./report.ts";
import type { Workshop } from "./workshop.ts";

const memoryBytesMax = 300e6;
const rememberedSeconds = 1.5;
/** Beside dpkg's own time. */
const moreSeconds = 1;
const epoch = { SOURCE_DATE_EPOCH: "315532800" };

/** The rows of the budget that are about packages with their scripts; they need root and mmdebstrap. */
export const fullRows: readonly ((workshop: Workshop) => Row)[] = [
  coldFull,
  rememberedFull,
  onePackageFull,
  memoryFull,
];

let measured: readonly [Figures, Figures] | undefined;

/** Ours and mmdebstrap's, each from .debs that are at hand. */
function coldFigures(workshop: Workshop): readonly [Figures, Figures] {
  const spec = workshop.spec("r2-full");
  const [store, out] = [join(workshop.dir, "full-store"), join(workshop.dir, "full-out")];
  const prepare = (): void => {
    workshop.freshStore("full-store");
    rmSync(out, { recursive: true, force: true });
  };
  const argv = [workshop.ashlar, "build", spec, "--offline", "--quiet", "--store", store, "--output", `oci:${out}`];
  const ours: Command = { name: "cold full", prepare, argv };
  measured ??= compare([ours, mmdebstrap(workshop)], workshop.runs) as [Figures, Figures];
  return measured;
}

/** The same packages from a mirror of the suite on this machine, as a tar: its usual product. */
function mmdebstrap(workshop: Workshop): Command {
  const archive = join(workshop.dir, "archive");
  makeArchive(archive, workshop.debs("r2-full"), indexTexts("bookworm"));
  const out = join(workshop.dir, "mmdebstrap.tar");
  const form = ["--quiet", "--mode=root", "--variant=minbase", "--architectures=amd64"];
  const what = ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=apt,nginx,curl,ca-certificates"];
  return {
    name: "mmdebstrap",
    prepare: () => rmSync(out, { force: true }),
    argv: ["mmdebstrap", ...form, ...what, "bookworm", out, sourceLine(archive, "copy")],
    env: epoch,
  };
}

function coldFull(workshop: Workshop): Row {
  const [figures, peer] = coldFigures(workshop);
  const ratio = figures.cpuSeconds / peer.cpuSeconds;
  return {
    work: `cold build of R2 with scripts, ${workshop.debs("r2-full").length} .debs local, OCI layout written`,
    ours: showRun(figures),
    peer: `mmdebstrap with the suite's mirror on this machine, tar written: ${showRun(peer)}`,
    budget: `CPU ${ratio.toFixed(2)} of mmdebstrap (0.33)`,
    met: ratio <= 1 / 3,
  };
}

function memoryFull(workshop: Workshop): Row {
  const [figures, peer] = coldFigures(workshop);
  return {
    work: "peak memory of the cold build with scripts (largest process)",
    ours: showMegabytes(figures.peakBytes),
    peer: `mmdebstrap: ${showMegabytes(peer.peakBytes)}`,
    budget: "300 MB",
    met: figures.peakBytes <= memoryBytesMax,
  };
}

/** An image of its own with the same packages, its layers written out. */
function rememberedFull(workshop: Workshop): Row {
  const spec = workshop.spec("r2-full");
  const out = join(workshop.dir, "full-out");
  let count = 0;
  const prepare = (): void => {
    rmSync(out, { recursive: true, force: true });
    appendFileSync(join(spec, "app/file.txt"), `change ${count++}\n`);
  };
  const argv = [workshop.ashlar, "build", spec, "--frozen", "--quiet", "--store", workshop.warmStore];
  const all = [...argv, "--output", `oci:${out}`];
  const [figures] = compare([{ name: "scripts remembered", prepare, argv: all }], workshop.runs) as [Figures];
  return {
    work: "R2 with scripts remembered: another image of it, OCI layout written",
    ours: showRun(figures),
    peer: "mmdebstrap remembers nothing",
    budget: `${rememberedSeconds} s wall`,
    met: figures.wallSeconds <= rememberedSeconds,
  };
}

function onePackageFull(workshop: Workshop): Row {
  const spec = workshop.spec("r2-full");
  const more = join(workshop.dir, "specs/r2-full-more");
  workshop.run(["cp", "-r", spec, more]);
  const text = workshop.run(["cat", join(spec, "ashlar.yaml")]);
  const changed = text.replace("bench/r2-full", "bench/full-more").replace("[nginx,", "[less, nginx,");
  writeFileSync(join(more, "ashlar.yaml"), changed);
  workshop.run([workshop.ashlar, "build", more, "--quiet", "--store", workshop.warmStore]);
  const [before, store] = [join(workshop.dir, "full-before"), join(workshop.dir, "full-more-store")];
  workshop.freshStore("full-before");
  const options = ["--offline", "--frozen", "--quiet", "--store"];
  workshop.run([workshop.ashlar, "build", spec, ...options, before]);
  const prepare = (): void => {
    rmSync(store, { recursive: true, force: true });
    workshop.run(["cp", "-a", before, store]);
  };
  const ours = { name: "one package", prepare, argv: [workshop.ashlar, "build", more, ...options, store] };
  const [figures, dpkg] = compare([ours, dpkgInstall(workshop, more)], workshop.runs) as [Figures, Figures];
  const budget = dpkg.wallSeconds + moreSeconds;
  return {
    work: "one package added to R2 with scripts, its .deb local",
    ours: showRun(figures),
    peer: `dpkg -i in a root of R2: ${showRun(dpkg)}`,
    budget: `dpkg's time + ${moreSeconds} s wall (${budget.toFixed(2)} s)`,
    met: figures.wallSeconds <= budget,
  };
}

/** dpkg in a root of the same image, on a file system that forgets it afterwards. */
function dpkgInstall(workshop: Workshop, more: string): Command {
  const root = join(workshop.dir, "dpkg-i");
  const before = new Set(workshop.debs("r2-full"));
  const [deb] = workshop.debsOf(more).filter((path) => !before.has(path)) as [string];
  const prepare = (): void => {
    rmSync(root, { recursive: true, force: true });
    workshop.run([workshop.ashlar, "checkout", "bench/r2-full", root, "--quiet", "--store", workshop.warmStore]);
    mkdirSync(join(root, "tmp"), { recursive: true });
    workshop.run(["cp", deb, join(root, "tmp/more.deb")]);
  };
  return { name: "dpkg -i", prepare, argv: ["chroot", root, "dpkg", "-i", "/tmp/more.deb"] };
}

/** Why these rows cannot be measured here; undefined where they can. */
export function fullMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const absent = ["mmdebstrap", "apt-ftparchive"].find((name) => spawnSync(name, ["--version"]).status !== 0);
  return absent === undefined ? undefined : `needs ${absent}`;
}
