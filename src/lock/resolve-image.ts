// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../base/index.ts";
import { compareVersions, type Package, type PackageIndex, type Solution } from "../debian/index.ts";
import { comparePackages } from "./encode-lock.ts";
import type { LockTask } from "./image-chain.ts";
import type { LockedPackage } from "./lock.ts";
import { lockPackage, nameOf, type SolveContext, type Solved, solveTask } from "./solve-task.ts";

/**
 * Packages that give a distroless image files although they are not installed with their closure:
 * base-files its directories and os-release, base-passwd the templates of its accounts (read only).
 */
const donors = [
  { name: "base-files", use: "install" },
  { name: "base-passwd", use: "data" },
] as const;

export interface ImageContext extends Omit<SolveContext, "subject"> {
  /** Packages of the images below. */
  readonly below: readonly LockedPackage[];
}

/** The packages that one image adds to those below it, sorted. Throws the solver's errors, `LOCK_PARENT_MOVED`. */
export function resolveImage(task: LockTask, context: ImageContext): readonly LockedPackage[] {
  if (task.sources.length === 0) return [];
  const packages = choosePackages(task, context);
  const below = new Map(context.below.map((item) => [nameOf(item), item]));
  checkBelow(task, below, packages);
  return packages.filter((item) => !isThere(below.get(nameOf(item)), item)).sort(comparePackages);
}

/** What the image below only reads, or runs scripts with, can still be installed on top of it. */
function isThere(below: LockedPackage | undefined, item: LockedPackage): boolean {
  return below !== undefined && (below.use === "install" || item.use !== "install");
}

function choosePackages(task: LockTask, context: ImageContext): LockedPackage[] {
  const { below, locked, ...rest } = context;
  const keep = new Map([...locked, ...below.map((item) => [nameOf(item), item] as const)]);
  const isTooled = task.isDistroless && task.install === "full";
  const subject = `image "${task.image}" for ${task.platform}`;
  const base = isTooled ? "essential" : task.base;
  const solved = solveTask({ ...task, base }, { ...rest, locked: keep, subject });
  if (isTooled) return withTools(solved);
  const packages = solved.solution.packages.map(({ package: item, phase, by }) =>
    lockPackage(item, { phase, by, use: "install" }, solved.indexes),
  );
  return task.isDistroless ? [...packages, ...donorPackages(packages, solved.indexes, locked)] : packages;
}

/** Scripts run on the whole essential set; the image keeps what the spec leads to, and base-files. */
function withTools({ solution, indexes }: Solved): LockedPackage[] {
  const kept = closureOfSpec(solution);
  const names = new Set(["spec"]);
  for (const { package: item } of solution.packages) if (kept.has(nameOf(item))) names.add(item.name);
  return solution.packages.map(({ package: item, by }) => {
    if (kept.has(nameOf(item))) {
      const among = by.filter((name) => names.has(name));
      return lockPackage(item, { phase: "packages", by: among, use: "install" }, indexes);
    }
    const isDonor = item.name === "base-files";
    const role = isDonor ? ({ by: ["base"], use: "install" } as const) : ({ by, use: "tools" } as const);
    return lockPackage(item, { phase: "base", ...role }, indexes);
  });
}

/** By "name:arch", what the spec asks for with everything that it needs. */
function closureOfSpec({ edges }: Solution): ReadonlySet<string> {
  const needs = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = needs.get(from);
    if (known === undefined) needs.set(from, [to]);
    else known.push(to);
  }
  const closure = new Set(needs.get("spec"));
  // a Set is walked in the order of insertion, additions included
  for (const item of closure) for (const needed of needs.get(item) ?? []) closure.add(needed);
  return closure;
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
  const kept = all.find((item) => locked.get(nameOf(item))?.digest === item.digest);
  return kept ?? all.sort((a, b) => compareVersions(b.version, a.version))[0];
}

/** What lies below is built already: an image cannot change it. */
function checkBelow(
  task: LockTask,
  below: ReadonlyMap<string, LockedPackage>,
  packages: readonly LockedPackage[],
): void {
  const byName = new Map(packages.map((item) => [nameOf(item), item]));
  const moved = [...below].filter(([name, item]) => byName.get(name)?.digest !== item.digest);
  if (moved.length === 0) return;
  const because = moved.map(([name, item]) => {
    const now = byName.get(name);
    return `${name} is ${item.version} below, ${now === undefined ? "and cannot stay" : `must be ${now.version} here`}`;
  });
  const message = `Cannot lock image "${task.image}" for ${task.platform}: its packages do not fit on "${task.parent}"`;
  throw new AshlarError("LOCK_PARENT_MOVED", message, {
    because,
    hint: "ask for the packages in the image below",
  });
}
