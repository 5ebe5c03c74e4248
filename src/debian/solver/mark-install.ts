// SPDX-License-Identifier: Apache-2.0
import { compareProviders, type MentionOrder } from "./provider-order.ts";
import type { Selection } from "./selection.ts";
import type { Clash, Need, Node, Version } from "./universe.ts";

/** apt gives up at this depth; deeper than any real chain of dependencies. */
const depthMax = 3000;

/** What marking needs to know besides the selection. */
export interface MarkContext {
  readonly selection: Selection;
  readonly mentions: MentionOrder;
  /** Versions taken before others of their kind: those of an earlier lock. */
  readonly isPreferred: (version: Version) => boolean;
}

interface Call {
  readonly node: Node;
  /** Also take what the package needs. */
  readonly withNeeds: boolean;
  readonly depth: number;
  readonly fromUser: boolean;
}

/**
 * Marks a package for installation the way apt 2.6 does on a system where nothing is installed, and with
 * `withNeeds` what it needs, depth first, the first workable alternative of each or-group. Tells whether
 * that worked; what was taken on the way to a failure stays.
 */
export function markInstall(context: MarkContext, call: Call): boolean {
  const { selection } = context;
  const { node, fromUser } = call;
  if (!mayChangeTo("install", context, call)) return false;
  const { candidate, isProtected, install } = selection.state(node);
  if (candidate === undefined) return false;
  if (!isProtected && install !== undefined && !selection.isBroken(node)) return true;
  if (call.withNeeds && !hasWorkableNeeds(context, node, candidate)) return false;

  if (fromUser) selection.install(node, false);
  if (!call.withNeeds) {
    if (!fromUser) selection.install(node, true);
    return true;
  }
  return takeWithNeeds(context, call, candidate);
}

/** The steps of `markInstall` once the package itself is acceptable. */
function takeWithNeeds(context: MarkContext, call: Call, candidate: Version): boolean {
  const { selection } = context;
  const { node, fromUser, depth } = call;
  const wasProtected = selection.state(node).isProtected;
  const failsEarly = !wasProtected && !fromUser;
  const { needs, clashes } = openRelations(context, candidate, wasProtected);

  const isFree = excludeClashing(context, clashes, { wasProtected, fromUser, depth });
  if (!isFree && failsEarly) return false;
  if (!fromUser) selection.install(node, true);

  selection.protect(node, true);
  const isServed = serveNeeds(context, needs, { wasProtected, fromUser, depth });
  if (!isServed && failsEarly) discard(context, node);
  selection.protect(node, wasProtected);
  return isFree && isServed;
}

function mayChangeTo(mode: "install" | "keep", { selection }: MarkContext, call: Omit<Call, "withNeeds">): boolean {
  if (call.depth > depthMax || call.node.versions.length === 0) return false;
  if (call.fromUser) return true;
  const { install, isProtected } = selection.state(call.node);
  const current = install === undefined ? "keep" : "install";
  return current === mode || !isProtected;
}

/**
 * Refuses a package of which one need can never be met, and drops it as a candidate, so that nothing is
 * taken on its behalf.
 */
function hasWorkableNeeds({ selection }: MarkContext, node: Node, candidate: Version): boolean {
  const needs = selection.universe.needs(candidate);
  const isWorkable = (need: Need): boolean =>
    selection.isNeedMet(need, "candidate") || selection.isNeedMet(need, "install");
  if (needs.every(isWorkable)) return true;
  if (!selection.state(node).isProtected) selection.giveUp(node);
  return false;
}

/** The relations still to be looked at: of a protected package all, of others those not fulfilled yet. */
function openRelations(
  { selection }: MarkContext,
  candidate: Version,
  all: boolean,
): { needs: readonly Need[]; clashes: readonly Clash[] } {
  const { universe } = selection;
  const needs = universe.needs(candidate);
  const clashes = universe.clashes(candidate);
  if (all) return { needs, clashes };
  return {
    needs: needs.filter((need) => !selection.isNeedMet(need, "install")),
    clashes: clashes.filter((clash) => selection.isClashing(clash, "install")),
  };
}

interface Circumstances {
  readonly wasProtected: boolean;
  readonly fromUser: boolean;
  readonly depth: number;
}

/** Unmarks what the package excludes; for a protected package also forbids it for good. */
function excludeClashing(context: MarkContext, clashes: readonly Clash[], how: Circumstances): boolean {
  const { selection } = context;
  let isFree = true;
  for (const { target } of clashes) {
    for (const version of solutionsOf(context, [target], true)) {
      if (!exclude(context, version, how)) isFree = false;
      if (!isFree && !how.wasProtected && !how.fromUser) return false;
    }
  }
  return isFree;

  function exclude(markContext: MarkContext, version: Version, { wasProtected, depth }: Circumstances): boolean {
    const { node } = version;
    if (selection.state(node).candidate !== version) return true;
    if (selection.state(node).install !== undefined && !markKeep(markContext, node, depth)) return false;
    if (wasProtected) {
      selection.discardCandidate(node);
      selection.protect(node, true);
    }
    return true;
  }
}

function markKeep(context: MarkContext, node: Node, depth: number): boolean {
  if (!mayChangeTo("keep", context, { node, depth, fromUser: false })) return false;
  if (context.selection.state(node).install !== undefined) context.selection.keep(node);
  return true;
}

function serveNeeds(context: MarkContext, needs: readonly Need[], how: Circumstances): boolean {
  let areAllServed = true;
  for (const need of needs) {
    const isMet = context.selection.isNeedMet(need, "install");
    if (isMet && !how.wasProtected) continue;
    const isServed = isMet ? protectOnlyChoice(context, need, how.depth) : serveNeed(context, need, how);
    if (isServed) continue;
    areAllServed = false;
    if (!how.wasProtected && !how.fromUser && !isMet) return false;
  }
  return areAllServed;
}

/** What a protected package needs without a choice is protected too. */
function protectOnlyChoice(context: MarkContext, need: Need, depth: number): boolean {
  const solutions = solutionsOf(context, need.targets, false);
  const [only] = solutions;
  if (only === undefined || solutions.length > 1) return true;
  const { node } = only;
  if (context.selection.state(node).isProtected) return true;
  context.selection.protect(node, true);
  return markInstall(context, { node, withNeeds: true, depth: depth + 1, fromUser: false });
}

/** Takes the first alternative that can be taken. */
export function serveNeed(context: MarkContext, need: Need, { wasProtected, depth }: Circumstances): boolean {
  const { selection } = context;
  const onlyOne = countSolutions(context, need) === 1;
  for (const version of sortedSolutions(context, need)) {
    const { node } = version;
    if (selection.state(node).candidate !== version) continue;
    const call = { node, depth: depth + 1, fromUser: false };
    if (wasProtected && onlyOne) {
      if (!markInstall(context, { ...call, withNeeds: false })) continue;
      selection.protect(node, true);
    }
    if (markInstall(context, { ...call, withNeeds: true })) return true;
  }
  return false;
}

/**
 * Candidates that satisfy one of the targets: alternatives in their order, each by `compareProviders` as
 * things stand now. Sorts an alternative only when those before it have failed, for names are looked up in
 * the whole index to break a tie.
 */
function* sortedSolutions(context: MarkContext, need: Need): Generator<Version> {
  const { selection, mentions, isPreferred } = context;
  const { universe } = selection;
  const lists = need.targets.map((target) => withoutForbidden(context, candidatesFor(context, target, false), false));
  const marked = new Set(lists.flat().filter((version) => selection.state(version.node).isProtected));
  const isProtected = (version: Version): boolean => marked.has(version);
  for (const [at, target] of need.targets.entries()) {
    const compare = compareProviders({ universe, target, isProtected, mentions, isPreferred });
    yield* (lists[at] ?? []).sort(compare);
  }
}

/** Like apt only neighbours are compared: a package that two alternatives name may count twice. */
function countSolutions(context: MarkContext, need: Need): number {
  const lists = need.targets.map((target) => withoutForbidden(context, candidatesFor(context, target, false), false));
  const all = lists.flat();
  return all.filter((version, at) => version !== all[at - 1]).length;
}

function solutionsOf(context: MarkContext, targets: Need["targets"], negative: boolean): Version[] {
  const all = targets.flatMap((target) => candidatesFor(context, target, negative));
  return withoutForbidden(context, [...new Set(all)], negative);
}

function candidatesFor({ selection }: MarkContext, target: Need["targets"][number], negative: boolean): Version[] {
  const satisfiers = selection.universe.satisfiers(target, negative);
  return satisfiers.filter((version) => selection.state(version.node).candidate === version);
}

function withoutForbidden({ selection }: MarkContext, versions: Version[], negative: boolean): Version[] {
  if (negative) return versions;
  return versions.filter(({ node }) => {
    const { isProtected, install } = selection.state(node);
    return !isProtected || install !== undefined;
  });
}

function discard({ selection }: MarkContext, node: Node): void {
  selection.keep(node);
  selection.discardCandidate(node);
}
