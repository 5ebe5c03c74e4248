// SPDX-License-Identifier: Apache-2.0
import { AshlarError, canonicalJson, type Json } from "../base/index.ts";
import type { LockedVersion } from "../debian/index.ts";
import type { Archive, ArchiveOptions, Fetcher } from "../fetch/index.ts";
import { compressorId } from "../formats/index.ts";
import { type Document, documentDigest, type OciFromDocument } from "../spec/index.ts";
import { askedOf } from "./asked.ts";
import { compareImages, compareSteps } from "./encode-lock.ts";
import { fetchSources, lockedSources } from "./fetch-sources.ts";
import type { ForeignBase, ReadBase } from "./foreign-base.ts";
import { type LockTask, planLock, planSteps, type StepTask } from "./image-chain.ts";
import type { Lock, LockedImage, LockedPackage, LockedStep } from "./lock.ts";
import { resolveImage } from "./resolve-image.ts";
import { resolveStep } from "./resolve-step.ts";
import { nameOf } from "./solve-task.ts";
import { keepUnpacked } from "./unpacked.ts";

export interface ResolveRequest extends Omit<ArchiveOptions, "pinned"> {
  readonly document: Document;
  readonly fetcher: Fetcher;
  /** Needed where an image stands on one made elsewhere. */
  readonly readBase?: ReadBase;
  /** The lock so far; its versions are kept as long as the archives have them. */
  readonly previous?: Lock | undefined;
  /** Absent: only what the spec's changes ask for. "all": the newest of everything. Names: these packages. */
  readonly update?: "all" | readonly string[] | undefined;
}

/**
 * Decides which package files every image of a document has on every platform.
 *
 * Without `update` the previous lock is kept where it can be: when the document asks the archives for
 * nothing new, nobody is asked and only the document's digest changes; else what is locked stays at its
 * version. With the same archives the result is the same, byte for byte once encoded.
 * Throws `LOCK_*`, what `fetchArchive` throws, and the solver's `SOLVER_*` with the image in `because`.
 */
export async function resolveLock(request: ResolveRequest): Promise<Lock> {
  const { document, fetcher, previous, update } = request;
  const asked = askedOf(document);
  const head = { document: documentDigest(document), compressor: compressorId(), asked };
  if (previous !== undefined && update === undefined && isSame(previous.asked, asked)) {
    return { ...head, sources: previous.sources, images: previous.images, steps: previous.steps };
  }
  const locked = versionsToKeep(previous, update);
  const tasks = planLock(document);
  const steps = planSteps(document, tasks);
  const archives = await fetchSources(fetcher, [...tasks, ...steps], request);
  const bases = await readBases(tasks, request.readBase);
  const resolved = resolveAll({ tasks, steps, archives, bases, locked });
  return keepUnpacked({ ...head, sources: lockedSources(archives), ...resolved }, previous);
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson(a as Json) === canonicalJson(b as Json);
}

/** The foreign images below all tasks, by digest and platform; each is read once. */
async function readBases(
  tasks: readonly LockTask[],
  readBase: ReadBase | undefined,
): Promise<ReadonlyMap<string, ForeignBase>> {
  const bases = new Map<string, ForeignBase>();
  for (const { foreignBase, platform } of tasks) {
    if (foreignBase === undefined || bases.has(baseKey(foreignBase, platform))) continue;
    if (readBase === undefined) throw new Error("internal error: nobody reads foreign images for this lock");
    bases.set(baseKey(foreignBase, platform), await readBase(foreignBase, platform));
  }
  return bases;
}

function baseKey({ digest }: OciFromDocument, platform: string): string {
  return `${digest} ${platform}`;
}

interface Resolving {
  readonly tasks: readonly LockTask[];
  readonly steps: readonly StepTask[];
  readonly archives: ReadonlyMap<string, Archive>;
  readonly bases: ReadonlyMap<string, ForeignBase>;
  readonly locked: ReadonlyMap<string, LockedVersions>;
}

function resolveAll({ tasks, steps, archives, bases, locked }: Resolving): Pick<Lock, "images" | "steps"> {
  /** With everything that the images below bring. */
  const whole = new Map<string, readonly LockedPackage[]>();
  const versions = (key: string): LockedVersions => locked.get(key) ?? new Map<string, never>();
  const images = tasks.map((task): LockedImage => {
    const { image, platform, parent, foreignBase } = task;
    const key = imageKey(task);
    const below = parent === undefined ? [] : (whole.get(imageKey({ image: parent, platform })) ?? []);
    const base = foreignBase && bases.get(baseKey(foreignBase, platform));
    const packages = resolveImage(task, {
      archives,
      below,
      locked: versions(key),
      installed: base?.installed,
    });
    whole.set(key, [...below, ...packages]);
    const isOnBase = base !== undefined && parent === undefined;
    return { image, platform, ...(isOnBase ? { manifest: base.manifest } : {}), packages };
  });
  const lockedSteps = steps.map((task): LockedStep => {
    const { image, step, platform } = task;
    const context = { archives, locked: versions(stepKey(task)), image: whole.get(imageKey(task)) ?? [] };
    return { image, step, platform, packages: resolveStep(task, context) };
  });
  return { images: images.sort(compareImages), steps: lockedSteps.sort(compareSteps) };
}

type LockedVersions = ReadonlyMap<string, LockedVersion>;

function imageKey({ image, platform }: Pick<LockedImage, "image" | "platform">): string {
  return `${image} ${platform}`;
}

function stepKey({ image, step, platform }: Pick<LockedStep, "image" | "step" | "platform">): string {
  return `${image} ${step} ${platform}`;
}

/** By image, or step, and platform: what the previous lock has and this run shall not move. */
function versionsToKeep(
  previous: Lock | undefined,
  update: ResolveRequest["update"],
): ReadonlyMap<string, LockedVersions> {
  if (previous === undefined || update === "all") return new Map();
  const moving = new Set(update ?? []);
  const holders = [...previous.images, ...previous.steps];
  const names = new Set(holders.flatMap(({ packages }) => packages.map(({ name }) => name)));
  const unknown = [...moving].filter((name) => !names.has(name));
  if (unknown.length > 0) {
    throw new AshlarError("LOCK_PACKAGE_UNKNOWN", `Cannot update ${unknown.join(", ")}: not in the lock`, {
      hint: "name binary packages that the lock holds, or none to update all",
    });
  }
  const keep = (packages: readonly LockedPackage[]): LockedVersions =>
    new Map(packages.filter(({ name }) => !moving.has(name)).map((item) => [nameOf(item), item]));
  return new Map([
    ...previous.images.map((image) => [imageKey(image), keep(image.packages)] as const),
    ...previous.steps.map((step) => [stepKey(step), keep(step.packages)] as const),
  ]);
}
