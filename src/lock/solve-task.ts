// SPDX-License-Identifier: Apache-2.0
import { AshlarError, isAshlarError } from "../base/index.ts";
import {
  type LockedVersion,
  type Package,
  type PackageIndex,
  type Solution,
  solve,
  type Stanza,
} from "../debian/index.ts";
import { type Archive, safePath } from "../fetch/index.ts";
import type { SolveTask } from "./image-chain.ts";
import type { LockedPackage } from "./lock.ts";

export interface SolveContext {
  readonly archives: ReadonlyMap<string, Archive>;
  /** By "name:arch", versions to keep where they still fit. */
  readonly locked: ReadonlyMap<string, LockedVersion>;
  /** Stanzas of what is there already and stays. */
  readonly installed?: readonly Stanza[] | undefined;
  /** What the error of an impossible set is about, e.g. `image "web" for linux/amd64`. */
  readonly subject: string;
}

/** A set of packages, and the indexes that they were chosen from. */
export interface Solved {
  readonly solution: Solution;
  readonly indexes: readonly PackageIndex[];
}

/** Chooses the packages of an image or a step. Throws the solver's errors with the subject in `because`. */
export function solveTask(task: SolveTask, context: SolveContext): Solved {
  const { archives, locked, installed, subject } = context;
  const { packages, base, architecture, foreign } = task;
  const indexes = indexesOf(task, archives);
  const late = [...archives].filter(([, archive]) => archive.release.notAutomatic).map(([name]) => name);
  const there = installed === undefined ? {} : { installed };
  const request = {
    indexes,
    packages,
    base,
    architecture,
    foreign,
    locked,
    notAutomatic: new Set(late),
    ...there,
  };
  try {
    return { solution: solve(request), indexes };
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    const { code, message, hint, where, details, cause, because } = error;
    throw new AshlarError(code, message, { hint, where, details, cause, because: [...because, subject] });
  }
}

/** In the order of the sources, which decides where the same file is in several of them. */
function indexesOf(task: SolveTask, archives: ReadonlyMap<string, Archive>): readonly PackageIndex[] {
  return task.sources.flatMap(({ name }) => {
    const { packages } = archives.get(name) as Archive;
    return [task.architecture, ...task.foreign].flatMap((architecture) => packages.get(architecture) ?? []);
  });
}

/** A package as the lock describes it. */
export function lockPackage(
  item: Package,
  role: Pick<LockedPackage, "phase" | "by" | "use">,
  indexes: readonly PackageIndex[],
): LockedPackage {
  const { name, version, architecture, digest, sizeBytes, sourceName, sourceVersion } = item;
  const { filename, origin } = firstListing(item, indexes);
  return {
    name,
    version,
    architecture,
    digest,
    sizeBytes,
    filename: safePath(filename),
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

/** Names a package among those of one image. */
export function nameOf({
  name,
  architecture,
}: {
  readonly name: string;
  readonly architecture: string;
}): string {
  return `${name}:${architecture}`;
}
