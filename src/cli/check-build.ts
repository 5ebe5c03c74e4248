// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";

import { AshlarError, type Digest, parseJson, type Progress } from "../base/index.ts";
import {
  bringBases,
  type BuildDifference,
  type BuiltImage,
  compareBuilds,
  compareRoots,
  findImage,
  type PathDifference,
  type Project,
} from "../build/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { type Document, imagesOf } from "../spec/index.ts";
import { openStore, type Store } from "../store/index.ts";
import {
  type CheckPlaces,
  type Circumstances,
  planCircumstances,
  shiftSeconds,
  startAshlar,
} from "./check-circumstances.ts";
import { bringDownload, copyProject, giveTo } from "./check-copy.ts";
import { type Compared, differs, secondFailed } from "./check-report.ts";
import { describeSeen, otherHostName, type SeenTwice } from "./check-sandbox.ts";
import { interruptible } from "./interruption.ts";
import { readLock } from "./lock-file.ts";
import { parseOutput } from "./place.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";
import { passSecrets } from "./step-inputs.ts";

interface CheckRun {
  readonly shell: Shell;
  readonly options: GlobalOptions & {
    readonly output?: readonly string[];
    readonly image?: readonly string[];
    readonly platform?: readonly string[];
    readonly compression: string;
    readonly set?: readonly string[];
    readonly secret?: readonly string[];
    readonly workers?: string;
  };
  readonly project: Project;
  readonly document: Document;
  readonly store: Store;
  readonly progress: Progress;
}

/** What `--check` found; the second build had the same digests. */
export interface CheckReport {
  readonly images: readonly { readonly name: string; readonly digest: Digest }[];
  readonly varied: readonly string[];
  /** What could not be varied here, and why. */
  readonly kept: readonly string[];
}

interface Place extends CheckPlaces {
  readonly project: string;
  readonly store: string;
}

/**
 * Builds a second time, in another process with an empty store and everything else varied that can be, and
 * compares what came out; scripts and steps run again. Throws `CHECK_DIFFERS` with the first differing byte of
 * each image and platform and every path of its root that differs, and `CHECK_FAILED` where the second build
 * does not come to an end.
 */
export async function checkBuild(run: CheckRun, images: readonly BuiltImage[]): Promise<CheckReport> {
  const place = makePlace();
  const shown = run.progress.start("build again under other circumstances");
  try {
    const plan = planCircumstances(run.shell, place, { hasScripts: hasScripts(run.document) });
    const workers = workersOf(run);
    const planned = { ...plan, varied: ["an empty store", `${workers} workers`, ...plan.varied] };
    const isWhole = await furnish(run, { place, circumstances: planned, images });
    const seen = await buildAgain(run, { place, circumstances: planned, workers, isWhole });
    const circumstances = withSeen(planned, seen);
    const compared = await compareAll(run, { dir: place.store, user: planned.user }, images);
    if (compared.differences.length > 0) throw differs(compared, circumstances);
    const { varied, kept } = circumstances;
    shown.done(`the same; varied: ${varied.join(", ")}${kept.length > 0 ? `; not varied: ${kept.join(", ")}` : ""}`);
    return { images: images.map(({ name, digest }) => ({ name, digest })), varied, kept };
  } finally {
    rmSync(place.base, { recursive: true, force: true });
  }
}

function hasScripts(document: Document): boolean {
  const images = Object.values(imagesOf(document));
  return images.some(
    ({ system, steps }) => system.install === "full" || system.run.length > 0 || Object.keys(steps).length > 0,
  );
}

/** With what scripts saw, where any ran. */
function withSeen(planned: Circumstances, seen: SeenTwice | undefined): Circumstances {
  if (seen === undefined) return planned;
  const { varied, kept } = describeSeen(seen, availableParallelism());
  return { ...planned, varied: [...planned.varied, ...varied], kept: [...planned.kept, ...kept] };
}

/** Directories for the second build, at paths that are awkward on purpose. */
function makePlace(): Place {
  const base = mkdtempSync(join(tmpdir(), "ashlar-check-"));
  const inside = (name: string): string => join(base, `other ${name} é`);
  const own = { home: inside("home"), tmp: inside("tmp"), cwd: inside("cwd") };
  const place = { base, project: inside("project"), store: inside("store"), ...own };
  for (const dir of [place.home, place.tmp, place.cwd]) mkdirSync(dir);
  return place;
}

function workersOf({ options }: CheckRun): number {
  const first = options.workers === undefined ? availableParallelism() : Number(options.workers);
  return first === 1 ? 3 : 1;
}

interface Furnishing {
  readonly place: Place;
  readonly circumstances: Circumstances;
  readonly images: readonly BuiltImage[];
}

/** Brings project, bases and downloads; false where a download is missing, so that it must be fetched again. */
async function furnish(run: CheckRun, { place, circumstances, images }: Furnishing): Promise<boolean> {
  const { shell, options, project, store, progress } = run;
  const { user } = circumstances;
  const outputs = (options.output ?? []).map((output) => parseOutput(output, shell.cwd).path);
  copyProject(project.dir, place.project, new Set([...outputs, storeDirOf(shell, options), place.base]));
  const second = openStore(place.store, { compressor: await loadCompressor() });
  let isWhole = true;
  try {
    await bringBases(store, second, { images: images.map(({ record }) => record), progress });
    for (const digest of downloadsOf(run)) {
      const link = user === undefined;
      isWhole = bringDownload(store.downloadPath(digest), second.downloadPath(digest), { link }) && isWhole;
    }
  } finally {
    second.close();
  }
  if (user !== undefined) giveTo(user, place.base);
  return isWhole;
}

/** What lies in the first store as it was downloaded: packages, and the sources of steps. */
function downloadsOf({ project, document }: CheckRun): ReadonlySet<Digest> {
  const lock = readLock(project);
  const packages = [...(lock?.images ?? []), ...(lock?.steps ?? [])].flatMap((one) => one.packages);
  const steps = Object.values(imagesOf(document)).flatMap((image) => Object.values(image.steps));
  return new Set([
    ...packages.map((item) => item.digest),
    ...steps.flatMap((step) => step.sources.map((source) => source.sha256)),
  ]);
}

interface SecondBuild {
  readonly place: Place;
  readonly circumstances: Circumstances;
  readonly workers: number;
  readonly isWhole: boolean;
}

async function buildAgain({ shell, options, project }: CheckRun, second: SecondBuild): Promise<SeenTwice | undefined> {
  const { place, circumstances, workers, isWhole } = second;
  const repeat = (name: string, values: readonly string[] = []): string[] =>
    values.map((value) => `--${name}=${value}`);
  const spec = join(place.project, basename(project.specPath));
  const secrets = passSecrets(shell, options.secret);
  const args = [
    ...["build", spec, "--json", "--progress=none", "--frozen", `--store=${place.store}`, `--workers=${workers}`],
    // Downloads that gc dropped are fetched anew; everything else needs no network.
    ...(isWhole ? ["--offline"] : []),
    `--compression=${options.compression}`,
    ...repeat("image", options.image),
    ...repeat("platform", options.platform),
    ...repeat("set", options.set),
    ...secrets.args,
  ];
  const env = { ...circumstances.env, ...secrets.env };
  const { status, out, err } = await interruptible((signal) => runAshlar(args, { ...circumstances, env }, signal));
  if (status === 0) return (parseJson(out, "the second build's result") as { readonly seen?: SeenTwice }).seen;
  throw secondFailed(err.trim().slice(-4000) || `exit code ${status}`, { status, circumstances });
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Throws `INTERRUPTED` when nothing of it is left. */
async function runAshlar(args: readonly string[], circumstances: Circumstances, signal: AbortSignal): Promise<Ended> {
  const child = startAshlar(args, circumstances);
  // The whole group: a wrapper in front of Node may not hand signals on.
  const kill = (): void => void (child.pid !== undefined && process.kill(-child.pid, "SIGKILL"));
  signal.addEventListener("abort", kill);
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const read = (stream: typeof child.stdout): Promise<string> => (stream === null ? Promise.resolve("") : text(stream));
  const [status, out, err] = await Promise.all([ended, read(child.stdout), read(child.stderr)]);
  if (signal.aborted) throw new AshlarError("INTERRUPTED", "Cannot build a second time: interrupted");
  return { status, out, err };
}

interface OtherStore {
  readonly dir: string;
  /** Who made it, where that was somebody else. */
  readonly user: number | undefined;
}

async function compareAll(run: CheckRun, other: OtherStore, images: readonly BuiltImage[]): Promise<Compared> {
  const { shell, store } = run;
  const { dir, user } = other;
  const { nowSeconds } = shell;
  const clocks = [nowSeconds, nowSeconds + shiftSeconds];
  const runs = { clocks, hostNames: [otherHostName], cpus: [availableParallelism(), 1] };
  const second = openStore(dir, user === undefined ? {} : { uid: user });
  const compared: { differences: BuildDifference[]; paths: PathDifference[] } = { differences: [], paths: [] };
  try {
    for (const { name, record } of images) {
      const sides = [{ store, record }, { store: second, record: findImage(second, name) }] as const;
      const differences = await compareBuilds(...sides);
      compared.differences.push(...differences);
      if (differences.length > 0) compared.paths.push(...compareRoots(...sides, runs));
    }
    return compared;
  } finally {
    second.close();
  }
}
