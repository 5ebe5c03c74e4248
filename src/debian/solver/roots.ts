// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import { parseRelations, type RelationGroup } from "../relation.ts";
import { ambiguousName, nothingFits } from "./failure.ts";
import type { SolveRequest } from "./request.ts";
import type { Need, Target, Universe, Version } from "./universe.ts";

/** One thing that must be there: a relation of the spec or a package of the base set. */
export interface Root {
  /** As the spec has it. */
  readonly text: string;
  readonly need: Need;
  readonly phase: "base" | "packages";
  /** What satisfies it, best first. */
  readonly choices: readonly Version[];
  /** Whether one package is asked for, as on apt-get's command line, and not one of several. */
  readonly isSingle: boolean;
}

/** Orders what satisfies one target, best first. */
export type OrderSatisfiers = (target: Target, versions: readonly Version[]) => readonly Version[];

/** The spec's relations in their order. Throws `SOLVER_REQUEST_INVALID` and `SOLVER_IMPOSSIBLE`. */
export function rootsOfSpec(request: SolveRequest, universe: Universe, order: OrderSatisfiers): Root[] {
  return request.packages.map((text) => {
    const group = parseOne(text);
    const need = universe.bind(undefined, "spec", group);
    const found = choicesOf(universe, need, order);
    if (found.length === 0) throw nothingFits(universe, need);
    const choices = group.length === 1 ? onePackage(universe, need, found) : found;
    return { text, need, phase: "packages", choices, isSingle: group.length === 1 };
  });
}

/** A root for a package of the base set. */
export function rootOfBase(universe: Universe, name: string, order: OrderSatisfiers): Root {
  const need = universe.bind(undefined, "base", [{ name }]);
  const choices = choicesOf(universe, need, order).filter((version) => version.name === name);
  return { text: name, need, phase: "base", choices, isSingle: true };
}

function parseOne(text: string): RelationGroup {
  const groups = parseRelations(text);
  const [group] = groups;
  if (group !== undefined && groups.length === 1) return group;
  const wanted = 'want one relation, such as "nginx (>= 1.22)"';
  throw new AshlarError("SOLVER_REQUEST_INVALID", `Cannot read package "${text}": ${wanted}`);
}

function choicesOf(universe: Universe, need: Need, order: OrderSatisfiers): Version[] {
  return [...new Set(need.targets.flatMap((target) => order(target, universe.satisfiers(target, false))))];
}

/**
 * A name means the package of that name, even where others provide it. A virtual name means its provider
 * where there is only one; between several the user chooses, as with apt.
 */
function onePackage(universe: Universe, need: Need, found: readonly Version[]): readonly Version[] {
  const name = need.group[0]?.name;
  const real = found.filter((version) => version.name === name);
  if (real.length > 0) return real;
  if (new Set(found.map((version) => version.name)).size > 1) throw ambiguousName(universe, need, found);
  return found;
}
