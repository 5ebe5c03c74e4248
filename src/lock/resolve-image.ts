// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../base/index.ts";
import {
  compareVersions,
  type LockedVersion,
  type Package,
  type PackageIndex,
  type Solution,
  solve,
} from "../debian/index.ts";
import { type Archive, safePath } from "../fetch/index.ts";
import { comparePackages } from "./encode-lock.ts";
import type { LockTask } from "./image-chain.ts";
import type { LockedPackage } from "./lock.ts";

/**
 * Packages that give a distroless image files although they are not installed with their closure:
 * base-files its directories and os-release, base-passwd the templates of its accounts (read only).
 */
const donors = [
  { name: "base-files", use: "install" },
  { name: "base-passwd", use: "data" },
] as const;

export interface ImageContext {
  readonly archives: ReadonlyMap<string, Archive>;
  /** Packages of the images below. */
  readonly below: readonly LockedPackage[];
  /** By "name:arch", versions to keep where they still fit. */
  readonly locked: ReadonlyMap<string, LockedVersion>;
}

/** The packages that one image adds to those below it, sorted. Throws the solver's errors, `LOCK_PARENT_MOVED`. */
export function resolveImage(task: LockTask, context: ImageContext): readonly LockedPackage[] {
  if (task.sources.length === 0) return [];
  const indexes = indexesOf(task, context.archives);
  const solution = solveImage(task, context, indexes);
  const packages = solution.packages.map(({ package: item, phase, by }) =>
    lockPackage(item, { phase, by, use: "install" }, indexes),
  );
  if (task.base === "none") packages.push(...donorPackages(packages, indexes, context.locked));
  const below = new Map(context.below.map((item) => [keyOf(item), item]));
  checkBelow(task, below, packages);
  return packages.filter((item) => !isThere(below.get(keyOf(item)), item)).sort(comparePackages);
}

function keyOf({ name, architecture }: { readonly name: string; readonly architecture: string }): string {
  return `${name}:${architecture}`;
}

/** What the image below only reads can still be installed on top of it. */
function isThere(below: LockedPackage | undefined, item: LockedPackage): boolean {
  return below !== undefined && (below.use === "install" || item.use === "data");
}

/** In the order of the sources, which decides where the same file is in several of them. */
function indexesOf(task: LockTask, archives: ReadonlyMap<string, Archive>): readonly PackageIndex[] {
  return task.sources.flatMap(({ name }) => {
    const { packages } = archives.get(name) as Archive;
    return [task.architecture, ...task.foreign].flatMap((architecture) => packages.get(architecture) ?? []);
  });
}

function solveImage(task: LockTask, context: ImageContext, indexes: readonly PackageIndex[]): Solution {
  const { below, locked, archives } = context;
  const keep = new Map<string, LockedVersion>(locked);
  for (const item of below) keep.set(keyOf(item), item);
  const { packages, base, architecture, foreign } = task;
  const late = [...archives].filter(([, archive]) => archive.release.notAutomatic).map(([name]) => name);
  try {
    return solve({ indexes, packages, base, architecture, foreign, locked: keep, notAutomatic: new Set(late) });
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    const { code, message, hint, where, details, cause, because } = error;
    const image = `image "${task.image}" for ${task.platform}`;
    throw new AshlarError(code, message, { hint, where, details, cause, because: [...because, image] });
  }
}

function lockPackage(
  item: Package,
  role: Pick<LockedPackage, "phase" | "by" | "use">,
  indexes: readonly PackageIndex[],
): LockedPackage {
  const { name, version, architecture, digest, sizeBytes, sourceName, sourceVersion } = item;
  const { filename, origin } = firstListing(item, indexes);
  const path = safePath(filename);
  return {
    name,
    version,
    architecture,
    digest,
    sizeBytes,
    filename: path,
    sourceName,
    sourceVersion,
    from: origin,
    ...role,
  };
}

/** The first source that lists the very same file, so that the lock does not depend on the solver's pick. */
function firstListing(item: Package, indexes: readonly PackageIndex[]): Package {
  for (const index of indexes) {
    const same = index.named(item.name).find(({ digest }) => digest === item.digest);
    if (same !== undefined) return same;
  }
  return item;
}

function donorPackages(
  packages: readonly LockedPackage[],
  indexes: readonly PackageIndex[],
  locked: ImageContext["locked"],
): LockedPackage[] {
  const missing = donors.filter(({ name }) => !packages.some((item) => item.name === name));
  return missing.flatMap(({ name, use }) => {
    const donor = donorOf(name, indexes, locked);
    return donor === undefined ? [] : [lockPackage(donor, { phase: "base", by: ["base"], use }, indexes)];
  });
}

/** The version of the previous lock, else the highest. */
function donorOf(
  name: string,
  indexes: readonly PackageIndex[],
  locked: ImageContext["locked"],
): Package | undefined {
  const all = indexes.flatMap((index) => index.named(name));
  const kept = all.find((item) => locked.get(keyOf(item))?.digest === item.digest);
  return kept ?? all.sort((a, b) => compareVersions(b.version, a.version))[0];
}

/** What lies below is built already: an image cannot change it. */
function checkBelow(
  task: LockTask,
  below: ReadonlyMap<string, LockedPackage>,
  packages: readonly LockedPackage[],
): void {
  const byKey = new Map(packages.map((item) => [keyOf(item), item]));
  const moved = [...below].filter(([key, item]) => byKey.get(key)?.digest !== item.digest);
  if (moved.length === 0) return;
  const because = moved.map(([key, item]) => {
    const now = byKey.get(key);
    return `${key} is ${item.version} below, ${now === undefined ? "and cannot stay" : `must be ${now.version} here`}`;
  });
  const message = `Cannot lock image "${task.image}" for ${task.platform}: its packages do not fit on "${task.parent}"`;
  throw new AshlarError("LOCK_PARENT_MOVED", message, { because, hint: "ask for the packages in the image below" });
}
