// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import { showGroup } from "./failure.ts";
import type { Solution, SolvedEdge, SolvedPackage } from "./request.ts";
import type { Root } from "./roots.ts";
import type { Need, Universe, Version } from "./universe.ts";

/** One dependency of a chosen package (or a root) and what satisfies it. */
interface Link {
  readonly from: Version | "spec" | "base";
  readonly to: Version;
  readonly need: Need;
}

/** What was chosen in all, and what of it the base set chose by itself. */
export interface Choice {
  readonly chosen: readonly Version[];
  readonly base: readonly Version[];
}

/**
 * Says of a chosen set who needs what, and leaves out what nothing needs: apt keeps what it took on the way
 * to an alternative that failed. Of what was there before, only the edges speak.
 */
export function describe(
  universe: Universe,
  { chosen, base }: Choice,
  roots: readonly Root[],
): Pick<Solution, "packages" | "edges"> {
  const baseRoots = roots.filter(({ phase }) => phase === "base");
  const inBase = reach(universe, new Set(base), baseRoots).versions;
  const all = reach(universe, new Set(chosen), roots);
  const by = namesBy(all.links);
  const added = [...all.versions].filter((version) => !universe.isInstalled(version));
  const packages = added.map((version): SolvedPackage => {
    const phase = inBase.has(version) ? "base" : "packages";
    return { package: version.package, by: [...(by.get(version) ?? [])].sort(compareOrdinal), phase };
  });
  return { packages: packages.sort(compareSolved), edges: all.links.map(edgeOf).sort(compareEdges) };
}

function reach(
  universe: Universe,
  set: ReadonlySet<Version>,
  roots: readonly Root[],
): { versions: Set<Version>; links: Link[] } {
  const versions = new Set<Version>();
  const links: Link[] = [];
  for (const { phase, choices, need } of roots) {
    const from = phase === "base" ? "base" : "spec";
    for (const to of choices) if (set.has(to)) add({ from, to, need });
  }
  // a Set is walked in the order of insertion, additions included
  for (const from of versions) {
    for (const need of universe.needs(from)) {
      for (const to of satisfiersIn(universe, set, need)) if (to !== from) add({ from, to, need });
    }
  }
  return { versions, links };

  function add(link: Link): void {
    links.push(link);
    versions.add(link.to);
  }
}

function satisfiersIn(universe: Universe, set: ReadonlySet<Version>, need: Need): Set<Version> {
  const found = need.targets.flatMap((target) => universe.satisfiers(target, false));
  return new Set(found.filter((version) => set.has(version)));
}

function namesBy(links: readonly Link[]): Map<Version, Set<string>> {
  const names = new Map<Version, Set<string>>();
  for (const { from, to } of links) {
    const name = typeof from === "string" ? from : from.name;
    const known = names.get(to);
    if (known === undefined) names.set(to, new Set([name]));
    else known.add(name);
  }
  return names;
}

function edgeOf({ from, to, need }: Link): SolvedEdge {
  const name = typeof from === "string" ? from : keyOf(from);
  return { from: name, to: keyOf(to), relation: showGroup(need.group), kind: need.kind };
}

function keyOf({ package: item }: Version): string {
  return `${item.name}:${item.architecture}`;
}

function compareSolved(a: SolvedPackage, b: SolvedPackage): number {
  return (
    compareOrdinal(a.package.name, b.package.name) || compareOrdinal(a.package.architecture, b.package.architecture)
  );
}

function compareEdges(a: SolvedEdge, b: SolvedEdge): number {
  return (
    compareOrdinal(a.from, b.from) ||
    compareOrdinal(a.to, b.to) ||
    compareOrdinal(a.kind, b.kind) ||
    compareOrdinal(a.relation, b.relation)
  );
}
