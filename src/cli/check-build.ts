// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";

import { AshlarError, type Digest } from "../base/index.ts";
import {
  bringBases,
  type BuildDifference,
  type BuiltImage,
  compareBuilds,
  findImage,
  type Progress,
  type Project,
} from "../build/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { type CheckPlaces, type Circumstances, planCircumstances, startAshlar } from "./check-circumstances.ts";
import { bringDownload, copyProject, giveTo } from "./check-copy.ts";
import { readLock } from "./lock-file.ts";
import { parseOutput } from "./place.ts";
import { type GlobalOptions, type Shell, storeDirOf } from "./shell.ts";

interface CheckRun {
  readonly shell: Shell;
  readonly options: GlobalOptions & {
    readonly output?: readonly string[];
    readonly image?: readonly string[];
    readonly platform?: readonly string[];
    readonly compression: string;
    readonly set?: readonly string[];
    readonly workers?: string;
  };
  readonly project: Project;
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
 * compares what came out. Throws `CHECK_DIFFERS` with the first differing byte of each image and platform, and
 * `CHECK_FAILED` where the second build does not come to an end.
 */
export async function checkBuild(run: CheckRun, images: readonly BuiltImage[]): Promise<CheckReport> {
  const place = makePlace();
  const shown = run.progress.start("build again under other circumstances");
  try {
    const plan = planCircumstances(run.shell, place);
    const workers = workersOf(run);
    const circumstances = { ...plan, varied: ["an empty store", `${workers} workers`, ...plan.varied] };
    const isWhole = await furnish(run, { place, circumstances, images });
    await buildAgain(run, { place, circumstances, workers, isWhole });
    const differences = await compareAll(run.store, place.store, images);
    if (differences.length > 0) throw differs(differences, circumstances);
    const { varied, kept } = circumstances;
    shown.done(`the same; varied: ${varied.join(", ")}${kept.length > 0 ? `; not varied: ${kept.join(", ")}` : ""}`);
    return { images: images.map(({ name, digest }) => ({ name, digest })), varied, kept };
  } finally {
    rmSync(place.base, { recursive: true, force: true });
  }
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
  const second = openStore(place.store);
  let isWhole = true;
  try {
    await bringBases(store, second, { images: images.map(({ record }) => record), progress });
    const packages = readLock(project)?.images.flatMap((image) => image.packages) ?? [];
    for (const digest of new Set(packages.map((item) => item.digest))) {
      const link = user === undefined;
      isWhole = bringDownload(store.downloadPath(digest), second.downloadPath(digest), { link }) && isWhole;
    }
  } finally {
    second.close();
  }
  if (user !== undefined) giveTo(user, place.base);
  return isWhole;
}

interface SecondBuild {
  readonly place: Place;
  readonly circumstances: Circumstances;
  readonly workers: number;
  readonly isWhole: boolean;
}

async function buildAgain({ options, project }: CheckRun, second: SecondBuild): Promise<void> {
  const { place, circumstances, workers, isWhole } = second;
  const repeat = (name: string, values: readonly string[] = []): string[] =>
    values.map((value) => `--${name}=${value}`);
  const spec = join(place.project, basename(project.specPath));
  const args = [
    ...["build", spec, "--json", "--progress=none", "--frozen", `--store=${place.store}`, `--workers=${workers}`],
    // Downloads that gc dropped are fetched anew; everything else needs no network.
    ...(isWhole ? ["--offline"] : []),
    `--compression=${options.compression}`,
    ...repeat("image", options.image),
    ...repeat("platform", options.platform),
    ...repeat("set", options.set),
  ];
  const child = startAshlar(args, circumstances);
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const read = (stream: typeof child.stdout): Promise<string> => (stream === null ? Promise.resolve("") : text(stream));
  const [status, , err] = await Promise.all([ended, read(child.stdout), read(child.stderr)]);
  if (status === 0) return;
  const message = "Cannot build a second time: the first build ended well, the second did not";
  throw new AshlarError("CHECK_FAILED", message, {
    because: [err.trim().slice(-4000) || `exit code ${status}`, circumstancesText(circumstances)],
    details: { exitCode: status, varied: circumstances.varied, kept: circumstances.kept },
  });
}

async function compareAll(store: Store, secondDir: string, images: readonly BuiltImage[]): Promise<BuildDifference[]> {
  const second = openStore(secondDir);
  const differences: BuildDifference[] = [];
  try {
    for (const { name, record } of images) {
      const other = findImage(second, name);
      differences.push(...(await compareBuilds({ store, record }, { store: second, record: other })));
    }
    return differences;
  } finally {
    second.close();
  }
}

function differs(differences: readonly BuildDifference[], circumstances: Circumstances): AshlarError {
  const [first] = differences as [BuildDifference];
  const because = differences.map((one) => `${showPlace(one)}: ${one.what}`);
  const message = `Cannot reproduce image "${first.image}": the second build differs, want the same bytes`;
  return new AshlarError("CHECK_DIFFERS", message, {
    because: [...because, circumstancesText(circumstances)],
    hint: "look for what the project's files or the packages take from the circumstances that were varied",
    details: { differences, varied: circumstances.varied, kept: circumstances.kept },
  });
}

/** e.g. `web, linux/amd64, layer "app", /srv/index.html, byte 12 of the content` (bytes count from 0) */
function showPlace({ image, platform, part, layer, path, offset, within }: BuildDifference): string {
  const where = part === "layer" ? `layer "${layer ?? ""}"` : part;
  const names = { content: "the content", tar: "the tar", blob: "the compressed layer", document: "the document" };
  return [
    image,
    ...(platform === undefined ? [] : [platform]),
    where,
    ...(path === undefined ? [] : [`/${path}`]),
    ...(offset === undefined ? [] : [`byte ${offset} of ${names[within]}`]),
  ].join(", ");
}

function circumstancesText({ varied }: Circumstances): string {
  return `varied in the second build: ${varied.join(", ")}`;
}
