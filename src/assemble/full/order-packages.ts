// SPDX-License-Identifier: Apache-2.0
import { byText } from "../../base/index.ts";
import { type RelationGroup, versionFits } from "../../debian/index.ts";
import type { DescribedPackage } from "./describe-package.ts";

/** Whose scripts everything else counts on, although few packages say so: accounts and basic directories. */
const firstNames = ["base-passwd", "base-files", "dpkg"];

/**
 * The order in which packages are configured: what one depends on comes before it, packages that depend on
 * each other stand together by name, and the rest follows the names, Essential packages first: others count on
 * their conffiles too (passwd on login's). It does not depend on the order given.
 */
export function orderPackages(packages: readonly DescribedPackage[]): readonly DescribedPackage[] {
  const sorted = [...packages].sort(byText(({ id }) => id));
  const first = firstNames.flatMap((name) => sorted.filter(({ locked }) => locked.name === name));
  const edges = new Map(sorted.map((item) => [item, dependenciesOf(item, sorted)]));
  const essential = sorted.filter(({ isEssential }) => isEssential);
  return components([...first, ...essential, ...sorted], (item) => edges.get(item) ?? []).flatMap((group) =>
    [...group].sort(byText(({ id }) => id)),
  );
}

/** The packages among some that a package needs: all that fit the first alternative that any fits. */
export function dependenciesOf(
  item: DescribedPackage,
  among: readonly DescribedPackage[],
  groups: readonly RelationGroup[] = [...item.preDepends, ...item.depends],
): readonly DescribedPackage[] {
  const byName = indexOf(among);
  const needed = new Set<DescribedPackage>();
  for (const group of groups) {
    for (const relation of group) {
      const fitting = (byName.get(relation.name) ?? []).filter(({ version }) =>
        versionFits(relation, version),
      );
      for (const { by } of fitting) if (by !== item) needed.add(by);
      if (fitting.length > 0) break;
    }
  }
  return [...needed].sort(byText(({ id }) => id));
}

/** Some packages with all that they need among these. */
export function withDependencies(
  some: readonly DescribedPackage[],
  among: readonly DescribedPackage[],
): ReadonlySet<DescribedPackage> {
  const closure = new Set(some);
  // A set hands on what is added while it is walked.
  for (const item of closure) for (const needed of dependenciesOf(item, among)) closure.add(needed);
  return closure;
}

interface Named {
  readonly by: DescribedPackage;
  /** Undefined where it is provided without a version. */
  readonly version: string | undefined;
}

const indexes = new WeakMap<readonly DescribedPackage[], Map<string, Named[]>>();

/** Packages by what they are and what they provide. */
function indexOf(packages: readonly DescribedPackage[]): ReadonlyMap<string, readonly Named[]> {
  const known = indexes.get(packages);
  if (known !== undefined) return known;
  const index = new Map<string, Named[]>();
  const add = (name: string, named: Named): void => {
    index.set(name, [...(index.get(name) ?? []), named]);
  };
  for (const by of packages) add(by.locked.name, { by, version: by.locked.version });
  for (const by of packages) {
    for (const provided of by.provides.flat()) add(provided.name, { by, version: provided.version?.version });
  }
  indexes.set(packages, index);
  return index;
}

/** Strongly connected components, each behind those it leads to (Tarjan, without recursion). */
function components<T>(roots: readonly T[], next: (node: T) => readonly T[]): readonly (readonly T[])[] {
  const state = new Map<T, { index: number; low: number; onStack: boolean }>();
  const stack: T[] = [];
  const found: T[][] = [];
  const visit = (root: T): void => {
    const path: { node: T; edges: readonly T[]; at: number }[] = [];
    const enter = (node: T): void => {
      state.set(node, { index: state.size, low: state.size, onStack: true });
      stack.push(node);
      path.push({ node, edges: next(node), at: 0 });
    };
    enter(root);
    while (path.length > 0) {
      const top = path.at(-1) as (typeof path)[number];
      const own = state.get(top.node) as { index: number; low: number };
      const to = top.edges[top.at++];
      if (to !== undefined) {
        const seen = state.get(to);
        if (seen === undefined) enter(to);
        else if (seen.onStack) own.low = Math.min(own.low, seen.index);
        continue;
      }
      path.pop();
      if (own.low === own.index) found.push(popComponent(stack, state, top.node));
      const above = path.at(-1);
      if (above !== undefined) {
        const parent = state.get(above.node) as { low: number };
        parent.low = Math.min(parent.low, own.low);
      }
    }
  };
  for (const root of roots) if (!state.has(root)) visit(root);
  return found;
}

function popComponent<T>(stack: T[], state: Map<T, { onStack: boolean }>, root: T): T[] {
  const component: T[] = [];
  for (;;) {
    const node = stack.pop() as T;
    (state.get(node) as { onStack: boolean }).onStack = false;
    component.push(node);
    if (node === root) return component;
  }
}
