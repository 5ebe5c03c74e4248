// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import type { Package } from "../package.ts";
import { compareVersions } from "../version.ts";
import type { PackageTables } from "./package-tables.ts";
import type { MentionOrder } from "./provider-order.ts";

/**
 * Tells which of two names an archive's index mentions first, as a package or in any relation. apt numbers
 * names in that order and its last tie-break is the number. Archives write their indexes ordered by source
 * package and name; that order is restored here, so the result does not depend on the order of the input.
 */
export function mentionOrder(tables: readonly PackageTables[]): MentionOrder {
  const ranks = new Map<string, number>();
  let ordered: readonly Package[] | undefined;
  return (a, b) => rankOf(a.name) - rankOf(b.name) || compareOrdinal(a.node.key, b.node.key);

  function rankOf(name: string): number {
    let rank = ranks.get(name);
    if (rank === undefined) {
      ordered ??= tables.flatMap((table) => archiveOrder(table.packages));
      rank = firstMention(ordered, name);
      ranks.set(name, rank);
    }
    return rank;
  }
}

function archiveOrder(packages: readonly Package[]): readonly Package[] {
  const isOrdered = packages.every((item, at) => at === 0 || compareInArchive(packages[at - 1] as Package, item) <= 0);
  return isOrdered ? packages : [...packages].sort(compareInArchive);
}

function compareInArchive(a: Package, b: Package): number {
  return (
    compareOrdinal(a.sourceName, b.sourceName) ||
    compareOrdinal(a.name, b.name) ||
    compareVersions(a.version, b.version) ||
    compareOrdinal(a.digest, b.digest)
  );
}

/** Counts packages in thousands, and the relations of one package in ones. */
function firstMention(ordered: readonly Package[], name: string): number {
  for (const [at, item] of ordered.entries()) {
    if (item.name === name) return at * 1000;
    const place = placeIn(item, name);
    if (place >= 0) return at * 1000 + 1 + Math.min(place, 998);
  }
  return ordered.length * 1000;
}

/** The order in which apt reads the fields of a stanza. */
function placeIn(item: Package, name: string): number {
  const { preDepends, depends, conflicts, breaks, recommends, replaces, provides } = item;
  const relations = [preDepends, depends, conflicts, breaks, recommends, replaces, provides].flat(2);
  return relations.findIndex((relation) => relation.name === name);
}
