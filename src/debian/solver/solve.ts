// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import type { RelationGroup } from "../relation.ts";
import { baseStages } from "./base-set.ts";
import { encodeProblem } from "./clauses.ts";
import { type Choice, describe } from "./describe.ts";
import { explainCore } from "./explain-core.ts";
import { chooseGreedily } from "./greedy.ts";
import { installedIndex } from "./installed-index.ts";
import { mentionOrder } from "./mention-order.ts";
import { compareProviders } from "./provider-order.ts";
import { defaultPreferences, type Preference, type Solution, type SolveRequest } from "./request.ts";
import { type Root, rootsOfSpec } from "./roots.ts";
import { search } from "./search.ts";
import { Selection } from "./selection.ts";
import { type Target, Universe, type Version } from "./universe.ts";
import { verifyChosen } from "./verify-chosen.ts";

/**
 * Finds the packages that a request needs, as `apt-get --no-install-recommends install` would on an empty
 * system: base set first, then the spec's packages on top of it. Where apt's way fails a complete search
 * finds a solution if there is one. What is installed stays as it is. Pure; the result does not depend on the
 * order of packages in an index.
 *
 * Throws `SOLVER_IMPOSSIBLE` (with the chain of reasons and what was looked at), `SOLVER_REQUEST_INVALID`
 * and `SOLVER_SOURCES_DIFFER`. (deb-policy 7; apt 2.6, depcache.cc for the order of choices)
 */
export function solve(request: SolveRequest): Solution {
  const setting = prepare(request);
  const stages = [...baseStages(request, setting), rootsOfSpec(request, setting.universe, setting.order)];
  const { way, ...choice } = chooseInStages(setting, stages);
  const roots = stages.flat();
  verifyChosen(setting.universe, choice.chosen, roots);
  return { ...describe(setting.universe, choice, roots), way };
}

/** What every step shares. */
interface Setting {
  readonly universe: Universe;
  /** Orders the satisfiers of one target, best first. */
  readonly order: (target: Target, versions: readonly Version[]) => readonly Version[];
  readonly context: Omit<Parameters<typeof chooseGreedily>[0], "selection">;
  readonly isLocked: (version: Version) => boolean;
}

function prepare(request: SolveRequest): Setting {
  const locked = request.locked ?? new Map<string, never>();
  const lockedNames = new Set([...locked.keys()].map((key) => key.slice(0, key.lastIndexOf(":"))));
  const preferences = request.preferences ?? defaultPreferences;
  const universe = new Universe({
    indexes: request.indexes,
    native: request.architecture,
    foreign: request.foreign ?? [],
    notAutomatic: request.notAutomatic ?? new Set(),
    installed: request.installed && installedIndex(request.installed, request.architecture),
    reorder: (group) => reorder(group, preferences, lockedNames),
  });
  const isLocked = ({ package: item }: Version): boolean => {
    const wanted = locked.get(`${item.name}:${item.architecture}`);
    return wanted !== undefined && wanted.version === item.version && wanted.digest === item.digest;
  };
  const context = { mentions: mentionOrder(request.indexes), isPreferred: isLocked };
  // the search orders everything it could ever reach: too much to look each name up in the index
  const mentions = (a: Version, b: Version): number => compareOrdinal(b.node.key, a.node.key);
  const order = (target: Target, versions: readonly Version[]): readonly Version[] => {
    const compare = compareProviders({ universe, target, mentions, isProtected: () => false, isPreferred: isLocked });
    return [...versions].sort((a, b) => (a.node === b.node ? inNode(a, b) : compare(a, b)));
  };
  const inNode = (a: Version, b: Version): number =>
    Number(isLocked(b)) - Number(isLocked(a)) || a.node.versions.indexOf(a) - b.node.versions.indexOf(b);
  return { universe, order, context, isLocked };
}

/** Puts what an earlier lock has first, and what is documented as better before what it is better than. */
function reorder(group: RelationGroup, preferences: readonly Preference[], locked: ReadonlySet<string>): RelationGroup {
  if (group.length === 1) return group;
  let out = [...group];
  for (const { take, ratherThan } of preferences) {
    const better = out.find(({ name }) => name === take);
    const at = out.findIndex(({ name }) => name === ratherThan);
    if (better === undefined || at < 0 || out.indexOf(better) < at) continue;
    out = out.filter((relation) => relation !== better);
    out.splice(at, 0, better);
  }
  return [...out.filter(({ name }) => locked.has(name)), ...out.filter(({ name }) => !locked.has(name))];
}

/** Solves stage by stage, each on top of what is there; all at once where a stage fails that way. */
function chooseInStages(
  setting: Setting,
  stages: readonly (readonly Root[])[],
): Choice & { way: Solution["way"] } {
  let pinned = setting.universe.installed();
  let base: readonly Version[] = [];
  let way: Solution["way"] = "apt";
  for (const roots of stages) {
    const greedy = chooseGreedily({ ...setting.context, selection: startFrom(setting, pinned) }, roots);
    const chosen = greedy ?? searchFor(setting, roots, pinned);
    if (chosen === undefined) {
      const all = searchAll(setting, stages.flat());
      return { chosen: all, base: all, way: "search" };
    }
    if (greedy === undefined) way = "search";
    if (roots.some(({ phase }) => phase === "base")) base = chosen;
    pinned = chosen;
  }
  return { chosen: pinned, base, way };
}

function startFrom(setting: Setting, pinned: readonly Version[]): Selection {
  const selection = new Selection(setting.universe, (node) => candidateOf(setting, node.versions));
  for (const version of pinned) selection.preset(version);
  return selection;
}

/** The version an earlier lock has, else the highest. */
function candidateOf({ isLocked }: Setting, versions: readonly Version[]): Version | undefined {
  return versions.find(isLocked) ?? versions[0];
}

/** The complete search on top of `pinned`: first among candidates, then among all versions. */
function searchFor(
  setting: Setting,
  roots: readonly Root[],
  pinned: readonly Version[],
): readonly Version[] | undefined {
  for (const isAllowed of passes(setting)) {
    const problem = encodeProblem({ ...setting, roots, pinned, isAllowed });
    const result = search(problem);
    if (result.kind === "found") return result.chosen.map((number) => problem.versions[number - 1] as Version);
  }
  return undefined;
}

function searchAll(setting: Setting, roots: readonly Root[]): readonly Version[] {
  const pinned = setting.universe.installed();
  const chosen = searchFor(setting, roots, pinned);
  if (chosen !== undefined) return chosen;
  const result = search(encodeProblem({ ...setting, roots, pinned, isAllowed: () => true }));
  if (result.kind === "found") throw new Error("internal error: two searches disagree");
  throw explainCore(setting.universe, result.core);
}

function passes(setting: Setting): ((version: Version) => boolean)[] {
  const isCandidate = (version: Version): boolean => candidateOf(setting, version.node.versions) === version;
  return [isCandidate, () => true];
}
