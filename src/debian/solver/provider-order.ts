// SPDX-License-Identifier: Apache-2.0
import type { Target, Universe, Version } from "./universe.ts";

const priorities = ["required", "important", "standard", "optional", "extra"];

/** Which of two names was first seen in the package index; apt prefers the later one when all else is equal. */
export type MentionOrder = (a: Version, b: Version) => number;

/**
 * Orders what satisfies one relation, best first, by apt's rules: protected ones, the package named itself
 * (on another architecture too), essential, important, native architecture, higher priority, and at last
 * the one whose name the index mentions later.
 */
export function compareProviders(options: {
  universe: Universe;
  target: Target;
  mentions: MentionOrder;
  isProtected: (version: Version) => boolean;
  isPreferred: (version: Version) => boolean;
}): (a: Version, b: Version) => number {
  const { universe, target, mentions, isProtected, isPreferred } = options;
  const rules: ((version: Version) => boolean)[] = [
    isProtected,
    isPreferred,
    (version) => version.name === target.node.name,
    (version) => version.package.essential,
    (version) => version.package.important ?? false,
  ];
  return (a, b) => {
    if (a === b) return 0;
    for (const rule of rules) {
      const order = Number(rule(b)) - Number(rule(a));
      if (order !== 0) return order;
    }
    return archOrder(universe, a, b) || priorityOf(a) - priorityOf(b) || mentions(b, a);
  };
}

function archOrder({ architectures }: Universe, a: Version, b: Version): number {
  return architectures.indexOf(a.node.arch) - architectures.indexOf(b.node.arch);
}

/** A package without a priority counts before all others, as in apt. */
function priorityOf(version: Version): number {
  const { priority } = version.package;
  if (priority === "") return 0;
  const at = priorities.indexOf(priority);
  return at < 0 ? priorities.length : at + 1;
}
