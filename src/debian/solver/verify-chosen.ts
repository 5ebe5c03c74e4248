// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { showGroup, showRelation, showVersion } from "./failure.ts";
import type { Root } from "./roots.ts";
import type { Universe, Version } from "./universe.ts";

/**
 * Checks a result without regard to how it was found: roots served, needs met, nothing excluded, one version
 * a name and architecture. A fault is our own. Throws `SOLVER_SOURCES_DIFFER` where two sources have
 * different files under the same name, version and architecture as a chosen one.
 */
export function verifyChosen(universe: Universe, chosen: readonly Version[], roots: readonly Root[]): void {
  const [fault] = faultsOf(universe, chosen, roots);
  if (fault !== undefined) throw new Error(`internal error: ${fault}`);
  for (const version of chosen) verifySources(version);
}

/** Everything that is wrong with a set of packages, as sentences. */
export function faultsOf(universe: Universe, chosen: readonly Version[], roots: readonly Root[]): string[] {
  const set = new Set(chosen);
  const faults: string[] = [];
  for (const { text, choices } of roots) {
    if (!choices.some((item) => set.has(item))) faults.push(`"${text}" is missing`);
  }
  if (new Set(chosen.map((version) => version.node)).size < chosen.length) faults.push("two versions of one package");
  for (const version of chosen) {
    for (const need of universe.needs(version)) {
      const isMet = need.targets.some((target) => universe.satisfiers(target, false).some((item) => set.has(item)));
      if (!isMet) faults.push(`${showVersion(version)} lacks "${showGroup(need.group)}"`);
    }
    for (const { target } of universe.clashes(version)) {
      const hit = universe.satisfiers(target, true).find((item) => set.has(item));
      if (hit !== undefined) faults.push(`${showVersion(version)} excludes "${showRelation(target.relation)}"`);
    }
  }
  return faults;
}

function verifySources({ node, package: item }: Version): void {
  const twin = node.versions.find(
    ({ package: other }) =>
      other.version === item.version && other.architecture === item.architecture && other.digest !== item.digest,
  );
  if (twin === undefined) return;
  const { origin, digest } = twin.package;
  throw new AshlarError(
    "SOLVER_SOURCES_DIFFER",
    `Cannot use package "${item.name}" ${item.version}: "${item.origin}" and "${origin}" have different files under it`,
    {
      hint: "leave out one of the sources",
      details: { name: item.name, version: item.version, files: { [item.origin]: item.digest, [origin]: digest } },
    },
  );
}
