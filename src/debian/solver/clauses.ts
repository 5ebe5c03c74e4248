// SPDX-License-Identifier: Apache-2.0
import type { Root } from "./roots.ts";
import type { Clash, Need, Node, Target, Universe, Version } from "./universe.ts";

/** Why a clause holds: what is said of a core is said in these words. */
export type Reason =
  | { readonly kind: "root"; readonly root: Root }
  | { readonly kind: "pinned"; readonly version: Version }
  | { readonly kind: "need"; readonly version: Version; readonly need: Need }
  | { readonly kind: "clash"; readonly version: Version; readonly clash: Clash; readonly other: Version }
  | { readonly kind: "one version"; readonly version: Version; readonly other: Version };

/** One of the literals must hold. A literal is the number of a version, negative for "not chosen". */
export interface Clause {
  readonly literals: readonly number[];
  readonly reason: Reason;
}

/** A package universe as a satisfiability problem; versions are numbered from 1. */
export interface Problem {
  readonly versions: readonly Version[];
  readonly clauses: readonly Clause[];
  /** For each version number what to serve once it is chosen: alternatives, best first. */
  readonly goals: ReadonlyMap<number, readonly (readonly number[])[]>;
  /** What to serve first, in the order of the request. */
  readonly rootGoals: readonly (readonly number[])[];
}

interface ProblemOptions {
  readonly universe: Universe;
  readonly roots: readonly Root[];
  readonly pinned: readonly Version[];
  /** Whether a version may be chosen at all. */
  readonly isAllowed: (version: Version) => boolean;
  /** Orders what satisfies one target, best first. */
  readonly order: (target: Target, versions: readonly Version[]) => readonly Version[];
}

/** Writes down everything that could be reached from the roots. */
export function encodeProblem(options: ProblemOptions): Problem {
  const { universe, roots, pinned, isAllowed, order } = options;
  const numbers = new Map<Version, number>();
  const versions: Version[] = [];
  const clauses: Clause[] = [];
  const goals = new Map<number, readonly (readonly number[])[]>();

  const rootGoals = roots.map((root) => {
    const literals = root.choices.filter(isAllowed).map(numberOf);
    clauses.push({ literals, reason: { kind: "root", root } });
    return literals;
  });
  for (const version of pinned) clauses.push({ literals: [numberOf(version)], reason: { kind: "pinned", version } });
  // `versions` grows while it is walked: what a version needs is numbered by looking at it
  for (const version of versions) addNeeds(version);
  for (const version of versions) addClashes(version);
  addOneVersionRule(versions, numberOf, clauses);
  return { versions, clauses, goals, rootGoals };

  function numberOf(version: Version): number {
    let number = numbers.get(version);
    if (number === undefined) {
      versions.push(version);
      number = versions.length;
      numbers.set(version, number);
    }
    return number;
  }

  function addNeeds(version: Version): void {
    const own = numberOf(version);
    const alternatives = universe.needs(version).map((need) => {
      const found = need.targets.flatMap((target) => order(target, universe.satisfiers(target, false)));
      const literals = [...new Set(found)].filter(isAllowed).map(numberOf);
      clauses.push({ literals: [-own, ...literals], reason: { kind: "need", version, need } });
      return literals;
    });
    goals.set(own, alternatives);
  }

  function addClashes(version: Version): void {
    const own = numberOf(version);
    for (const clash of universe.clashes(version)) {
      for (const other of universe.satisfiers(clash.target, true)) {
        const number = numbers.get(other);
        if (number === undefined || other === version) continue;
        clauses.push({ literals: [-own, -number], reason: { kind: "clash", version, clash, other } });
      }
    }
  }
}

function addOneVersionRule(
  versions: readonly Version[],
  numberOf: (version: Version) => number,
  clauses: Clause[],
): void {
  const byNode = new Map<Node, Version[]>();
  for (const version of versions) {
    const rivals = byNode.get(version.node) ?? [];
    for (const other of rivals) {
      const literals = [-numberOf(version), -numberOf(other)];
      clauses.push({ literals, reason: { kind: "one version", version, other } });
    }
    byNode.set(version.node, [...rivals, version]);
  }
}
