// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Command, middle, type Run, runOnce } from "../measure.ts";
import type { Workshop } from "../workshop.ts";

/** What was measured with so many images in the store. */
export interface Row {
  readonly images: number;
  readonly contents: number;
  readonly indexBytes: number;
  readonly packBytes: number;
  readonly storeBytes: number;
  readonly runs: Readonly<Record<string, Run>>;
  /** A content by the first half of its digest. */
  readonly findMicroseconds: number;
  readonly gcMs: Readonly<Record<string, number>>;
}

export interface Rig {
  readonly workshop: Workshop;
  readonly store: string;
  readonly changedCount: number;
  readonly runs: number;
}

const scripts = join(import.meta.dirname);
/** As the launcher starts it. */
const node: readonly string[] = [process.execPath, ...process.execArgv, "--max-semi-space-size=4"];

/** Runs a script of this folder in a process of its own. */
export function runScript(name: string, ...args: readonly string[]): string {
  const done = spawnSync(node[0] as string, [...node.slice(1), join(scripts, name), ...args], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${name} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

let buildCount = 0;

/** Measures all work on a store; what it adds or takes is taken or added again but for some small images. */
export function measureAll(rig: Rig, images: number): Row {
  const { workshop, store, runs: runCount } = rig;
  const { ashlar, dir } = workshop;
  const own = (...args: string[]): string[] => [ashlar, ...args, "--quiet", "--store", store];
  const project = makeProject(rig);
  const build = own("build", project, "--offline");
  const root = join(dir, "scale-root");
  const clear = (): void => rmSync(root, { recursive: true, force: true });
  const change = (): void => writeFileSync(join(project, "app/changed"), `${images} ${process.pid} ${buildCount++}`);
  const garbage = (): void => putGarbage(rig);
  const copy = join(dir, "scale-copy");
  const probe = (...args: string[]): string[] => [...node, join(scripts, "probe.ts"), ...args];
  const often: readonly Command[] = [
    { name: "one more image", argv: build, prepare: change },
    { name: "an unchanged image", argv: build },
    { name: "checkout", argv: own("checkout", "bench/r2", root), prepare: clear },
    { name: "find", argv: probe("find", store) },
  ];
  const once: readonly Command[] = [
    { name: "gc --dry-run", argv: own("store", "gc", "--dry-run", "--grace=0") },
    { name: "gc", argv: own("store", "gc", "--grace=0"), prepare: garbage },
    { name: "fsck", argv: own("store", "fsck") },
    { name: "stats --totals", argv: own("store", "stats", "--totals") },
    { name: "stats", argv: own("store", "stats") },
    { name: "rebuild of the index", argv: probe("rebuild", copy), prepare: () => copyStore(store, copy) },
  ];
  const measured: Record<string, Run> = {};
  for (const command of often) {
    runOnce(command);
    measured[command.name] = middle(Array.from({ length: runCount }, () => runOnce(command)));
  }
  for (const command of once) {
    measured[command.name] = runOnce(command);
    console.error(`${images} images: ${command.name} ${JSON.stringify(measured[command.name])}`);
  }
  rmSync(copy, { recursive: true, force: true });
  garbage();
  const gcMs = JSON.parse(runScript("probe.ts", "gc", store)) as Record<string, number>;
  const { microseconds } = JSON.parse(runScript("probe.ts", "find", store)) as { microseconds: number };
  // Last: it drops the links of checkouts.
  measured["open after a crash"] = runOnce({ name: "open", argv: probe("reopen", store) });
  clear();
  const stats = JSON.parse(workshop.run(own("store", "stats", "--totals", "--json"))) as Record<string, number>;
  const [contents, packBytes, storeBytes] = ["contents", "packBytes", "diskBytes"].map((key) => stats[key] ?? 0);
  return {
    ...{ images, contents: contents ?? 0, packBytes: packBytes ?? 0, storeBytes: storeBytes ?? 0 },
    indexBytes: statSync(join(store, "index.sqlite")).size,
    runs: measured,
    findMicroseconds: microseconds,
    gcMs,
  };
}

/** An image that nothing keeps. */
function putGarbage({ store, changedCount }: Rig): void {
  runScript("fill.ts", store, "1000000", "1000001", String(changedCount), "unnamed");
}

/** An image of the packages of R2 with a file of its own. */
function makeProject({ workshop, store }: Rig): string {
  const project = `${store}-project`;
  if (existsSync(join(project, "ashlar.lock"))) return project;
  cpSync(workshop.spec("r2"), project, { recursive: true });
  const spec = join(project, "ashlar.yaml");
  writeFileSync(spec, readFileSync(spec, "utf8").replace("bench/r2", "bench/more"));
  workshop.run([workshop.ashlar, "build", project, "--quiet", "--store", workshop.warmStore]);
  return project;
}

/** Packs by further names; what is written to, by copies. */
export function copyStore(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { mode: 0o700 });
  const run = (...argv: string[]): void => void spawnSync(argv[0] as string, argv.slice(1));
  run("cp", "-al", join(from, "packs"), to);
  for (const name of ["format", "refs.sqlite", "refs.log", "index.sqlite"]) run("cp", join(from, name), to);
  for (const name of ["links", "downloads", "tmp"]) mkdirSync(join(to, name), { mode: 0o700 });
}
