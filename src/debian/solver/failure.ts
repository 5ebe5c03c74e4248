// SPDX-License-Identifier: Apache-2.0
import { AshlarError, compareOrdinal } from "../../base/index.ts";
import type { Package } from "../package.ts";
import type { Relation, RelationGroup } from "../relation.ts";
import { versionFits } from "../version-fits.ts";
import { nearNames } from "./near-names.ts";
import type { Need, Universe, Version } from "./universe.ts";

const code = "SOLVER_IMPOSSIBLE";

/** A relation as Debian writes it: `name:arch (>= version)`. */
export function showRelation(relation: Relation): string {
  const name = relation.archQualifier === undefined ? relation.name : `${relation.name}:${relation.archQualifier}`;
  return relation.version === undefined ? name : `${name} (${relation.version.op} ${relation.version.version})`;
}

export function showGroup(group: RelationGroup): string {
  return group.map(showRelation).join(" | ");
}

export function showVersion(version: Version): string {
  return `${version.name} ${version.package.version}`;
}

/** One package that was considered and why it was not taken; for `details`. */
interface Rejected {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly because: string;
}

/** The error for a relation that no package of the sources satisfies. `because` leads to it, outermost first. */
export function nothingFits(universe: Universe, need: Need, because: readonly string[] = []): AshlarError {
  const states = need.group.map((relation) => stateOf(universe, relation));
  const wanted = showGroup(need.group);
  return new AshlarError(code, `Cannot resolve "${wanted}": ${states.join("; ")}`, {
    because,
    hint: hintFor(universe, need, because.length === 0),
    details: {
      wanted,
      sources: universe.sources,
      lookedAt: need.group.flatMap((relation) => rejectedFor(universe, need, relation)),
      near: need.group.flatMap((relation) => nearOf(universe, relation)),
    },
  });
}

/** The error for a virtual name that several packages provide. */
export function ambiguousName(universe: Universe, need: Need, found: readonly Version[]): AshlarError {
  const wanted = showGroup(need.group);
  const providers = [...new Set(found.map((version) => version.name))].sort(compareOrdinal);
  return new AshlarError(code, `Cannot resolve "${wanted}": it is virtual, want one of ${list(providers)}`, {
    hint: `write the name of one provider, such as "${found[0]?.name}"`,
    details: { wanted, sources: universe.sources, providers },
  });
}

/** What the sources have under the name of a relation that is not satisfied. */
function stateOf(universe: Universe, relation: Relation): string {
  const real = universe.named(relation.name);
  if (real.length > 0) return haveText(universe, real);
  const providers = universe.providersNamed(relation.name);
  const where = universe.sources.join(", ");
  if (providers.length === 0) return `${where} ${verb(universe)} no package "${relation.name}"`;
  const names = [...new Set(providers.map(providedAs(relation.name)))].sort(compareOrdinal);
  return `"${relation.name}" is virtual, provided by ${list(names)}`;
}

function verb(universe: Universe): string {
  return universe.sources.length > 1 ? "have" : "has";
}

function providedAs(name: string): (item: Package) => string {
  return (item) => {
    const as = item.provides.flat().find((relation) => relation.name === name)?.version?.version;
    return as === undefined ? item.name : `${item.name} (as ${as})`;
  };
}

function haveText(universe: Universe, items: readonly Package[]): string {
  const bySource = new Map<string, Set<string>>();
  for (const item of items) {
    const versions = bySource.get(item.origin) ?? new Set<string>();
    const isUsual = universe.archOf(item) === universe.native;
    bySource.set(item.origin, versions.add(isUsual ? item.version : `${item.version} for ${item.architecture}`));
  }
  const parts = [...bySource].map(([source, versions]) => `${source} has ${[...versions].join(" and ")}`);
  return parts.sort(compareOrdinal).join(", ");
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).map((name) => `"${name}"`).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

function rejectedFor(universe: Universe, need: Need, relation: Relation): Rejected[] {
  const real = universe.named(relation.name).map((item) => rejected(item, whyNot(universe, need, relation, item)));
  const virtual = universe.providersNamed(relation.name).map((item) => {
    const as = item.provides.flat().find(({ name }) => name === relation.name)?.version?.version;
    const text = as === undefined ? "provides the name without a version" : `provides the name as version ${as}`;
    return rejected(item, text);
  });
  return [...real, ...virtual].slice(0, 20);
}

function whyNot(universe: Universe, need: Need, relation: Relation, item: Package): string {
  if (!versionFits(relation, item.version)) return `its version is not ${showRelation(relation)}`;
  const arch = need.targets.find((target) => target.relation === relation)?.node.arch ?? universe.native;
  return `its architecture does not serve ${arch}`;
}

function rejected(item: Package, because: string): Rejected {
  const { name, version, architecture, origin } = item;
  return { name, version, architecture, source: origin, because };
}

function nearOf(universe: Universe, relation: Relation): string[] {
  const isKnown = universe.named(relation.name).length + universe.providersNamed(relation.name).length > 0;
  return isKnown ? [] : nearNames(relation.name, universe.names());
}

function hintFor(universe: Universe, need: Need, isAsked: boolean): string {
  const [near] = need.group.flatMap((relation) => nearOf(universe, relation));
  if (near !== undefined && isAsked) return `did you mean "${near}"?`;
  const [relation] = need.group;
  const name = relation?.name ?? "";
  if (isAsked && universe.named(name).length > 0) return `ask for a version the sources have, or add a source`;
  return `add a source that has "${showGroup(need.group)}"`;
}
