// SPDX-License-Identifier: Apache-2.0
import { AshlarError } from "../../base/index.ts";
import type { Clause, Reason } from "./clauses.ts";
import { nothingFits, showGroup, showRelation, showVersion } from "./failure.ts";
import type { Universe, Version } from "./universe.ts";

type NeedReason = Extract<Reason, { kind: "need" }>;
type PairReason = Extract<Reason, { kind: "clash" | "one version" }>;

/**
 * Turns clauses that contradict each other into the error the user reads: the relation nothing satisfies,
 * or two packages that exclude each other, with the chain from the spec to it.
 */
export function explainCore(universe: Universe, core: readonly Clause[]): AshlarError {
  const chains = chainsFromRoots(universe, core);
  const dead = core.map((clause) => deadEnd(clause, chains)).filter((reason) => reason !== undefined);
  const [nearest] = dead.sort((a, b) => lengthOf(chains, a.version) - lengthOf(chains, b.version));
  if (nearest !== undefined) return nothingFits(universe, nearest.need, chainTo(chains, nearest));
  const [pair] = core.map((clause) => pairIn(clause, chains)).filter((reason) => reason !== undefined);
  if (pair !== undefined) return excluded(pair, chains, core);
  throw new Error("internal error: a contradiction without a missing or an excluded package");
}

type Chains = ReadonlyMap<Version, readonly string[]>;

/** For each version that the core's relations lead to the shortest way there, as sentences. */
function chainsFromRoots(universe: Universe, core: readonly Clause[]): Chains {
  const chains = new Map<Version, readonly string[]>();
  const needs = new Map<Version, NeedReason[]>();
  for (const { reason } of core) {
    if (reason.kind === "need") needs.set(reason.version, [...(needs.get(reason.version) ?? []), reason]);
  }
  for (const { reason } of core) {
    if (reason.kind === "pinned") chains.set(reason.version, [`the base has ${showVersion(reason.version)}`]);
    if (reason.kind !== "root") continue;
    const asks = `the ${reason.root.phase === "base" ? "base" : "spec"} asks for "${reason.root.text}"`;
    for (const version of reason.root.choices) if (!chains.has(version)) chains.set(version, [asks]);
  }
  // a Map is walked in the order of insertion, additions included: breadth first
  for (const [version, chain] of chains) {
    for (const reason of needs.get(version) ?? []) {
      for (const next of reason.need.targets.flatMap((target) => universe.satisfiers(target, false))) {
        if (!chains.has(next)) chains.set(next, [...chain, needText(reason)]);
      }
    }
  }
  return chains;
}

function needText({ version, need }: NeedReason): string {
  const verb = need.kind === "Pre-Depends" ? "pre-depends" : "depends";
  return `${showVersion(version)} ${verb} on "${showGroup(need.group)}"`;
}

function deadEnd({ literals, reason }: Clause, chains: Chains): NeedReason | undefined {
  return reason.kind === "need" && literals.length === 1 && chains.has(reason.version) ? reason : undefined;
}

function lengthOf(chains: Chains, version: Version): number {
  return chains.get(version)?.length ?? Number.POSITIVE_INFINITY;
}

function chainTo(chains: Chains, reason: NeedReason): string[] {
  return [...(chains.get(reason.version) ?? []), needText(reason)];
}

function pairIn({ reason }: Clause, chains: Chains): PairReason | undefined {
  if (reason.kind !== "clash" && reason.kind !== "one version") return undefined;
  return chains.has(reason.version) && chains.has(reason.other) ? reason : undefined;
}

function excluded(pair: PairReason, chains: Chains, core: readonly Clause[]): AshlarError {
  const { version, other } = pair;
  const verdict = pairText(pair);
  const because = [...(chains.get(version) ?? []), ...(chains.get(other) ?? []), verdict];
  const roots = core.flatMap(({ reason }) => (reason.kind === "root" ? [reason.root.text] : []));
  const asked = [...new Set(roots)].map((text) => `"${text}"`).join(" and ");
  return new AshlarError("SOLVER_IMPOSSIBLE", `Cannot resolve ${asked}: ${verdict}`, {
    because: [...new Set(because)],
    hint: roots.length > 1 ? `leave out one of ${asked}` : `every alternative was tried; ask for another version`,
    details: { wanted: roots, lookedAt: core.map(({ reason }) => lookedAt(reason)) },
  });
}

function pairText(pair: PairReason): string {
  const { version, other } = pair;
  if (pair.kind === "one version") return `${showVersion(version)} and ${showVersion(other)} exclude each other`;
  const { clash } = pair;
  const verb = clash.kind === "Breaks" ? "breaks" : "conflicts with";
  if (clash.target.implicit) {
    return `${showVersion(version)} for ${version.node.arch} ${verb} that for ${other.node.arch}`;
  }
  const as = other.name === clash.target.relation.name ? "" : `, which ${showVersion(other)} provides`;
  return `${showVersion(version)} ${verb} "${showRelation(clash.target.relation)}"${as}`;
}

function lookedAt(reason: Reason): string {
  switch (reason.kind) {
    case "root":
      return `asked for: "${reason.root.text}"`;
    case "pinned":
      return `in the base: ${showVersion(reason.version)}`;
    case "need":
      return needText(reason);
    case "clash":
    case "one version":
      return pairText(reason);
  }
}
