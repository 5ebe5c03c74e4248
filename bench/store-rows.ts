// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { compare, type Figures } from "./measure.ts";
import { type Row, showMegabytes, showRun } from "./report.ts";
import type { Workshop } from "./workshop.ts";

/** The rows of the budget that are about the store. */
export const storeRows: readonly ((workshop: Workshop) => Row)[] = [checkout, storeSize];

function checkout(workshop: Workshop): Row {
  workshop.spec("r2");
  const [ours, theirs] = [join(workshop.dir, "checkout"), join(workshop.dir, "cp-al")];
  const remove = (path: string) => (): void => rmSync(path, { recursive: true, force: true });
  const argv = [workshop.ashlar, "checkout", "bench/r2", ours, "--quiet", "--store", workshop.warmStore];
  remove(ours)();
  workshop.run(argv);
  const still = join(workshop.dir, "still");
  workshop.run(["cp", "-al", ours, still]);
  const copy = { name: "cp -al", prepare: remove(theirs), argv: ["cp", "-al", still, theirs] };
  const start = { name: "start", argv: [workshop.ashlar, "--version"] };
  const [figures, peer, started] = compare(
    [{ name: "checkout", prepare: remove(ours), argv }, copy, start],
    workshop.runs,
  ) as [Figures, Figures, Figures];
  const ratio = figures.cpuSeconds / peer.cpuSeconds;
  return {
    work: "checkout of R2, second time",
    ours: `${showRun(figures)}; ${started.cpuSeconds.toFixed(2)} s CPU of it to start and print a version`,
    peer: `cp -al: ${showRun(peer)}`,
    budget: `CPU ${ratio.toFixed(2)} of cp -al (1.10)`,
    met: ratio <= 1.1,
  };
}

const storeBytesMax = 110e6;

function storeSize(workshop: Workshop): Row {
  const store = join(workshop.dir, "size-store");
  workshop.freshStore("size-store");
  for (const name of ["r1", "r2", "r3"]) {
    workshop.run([workshop.ashlar, "build", workshop.spec(name), "--quiet", "--store", store]);
  }
  const stats = JSON.parse(workshop.run([workshop.ashlar, "store", "stats", "--json", "--store", store])) as {
    packBytes: number;
    indexBytes: number;
  };
  return {
    work: "R1, R2 and R3 in the store",
    ours: `${showMegabytes(stats.packBytes)} packs, ${showMegabytes(stats.indexBytes)} index (downloads not counted)`,
    peer: borgSize(workshop),
    budget: "110 MB",
    met: stats.packBytes + stats.indexBytes <= storeBytesMax,
  };
}

/** The same trees in borg, zstd level 3. */
function borgSize(workshop: Workshop): string {
  if (spawnSync("borg", ["--version"]).status !== 0) return "borg is not installed here";
  const repository = join(workshop.dir, "borg");
  const env = {
    BORG_BASE_DIR: join(workshop.dir, "borg-home"),
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
  };
  workshop.run(["borg", "init", "--encryption=none", repository], env);
  for (const name of ["r1", "r2", "r3"]) {
    const root = join(workshop.dir, `root-${name}`);
    workshop.run([
      workshop.ashlar,
      "checkout",
      `bench/${name}`,
      root,
      "--quiet",
      "--store",
      workshop.warmStore,
    ]);
    workshop.run(["borg", "create", "--compression", "zstd,3", `${repository}::${name}`, root], env);
  }
  const kilobytes = Number(workshop.run(["du", "-s", "--apparent-size", "-B1", repository]).split("\t")[0]);
  return `borg, zstd 3: ${showMegabytes(kilobytes)}`;
}
