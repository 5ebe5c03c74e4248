// SPDX-License-Identifier: Apache-2.0
import { compareOrdinal } from "../../base/index.ts";
import type { Package } from "../package.ts";
import type { SolveRequest } from "./request.ts";
import { type OrderSatisfiers, type Root, rootOfBase } from "./roots.ts";
import type { Universe } from "./universe.ts";

/**
 * The stages of the base set, as mmdebstrap makes them: the essential packages with what they need, and on
 * top of them for `minbase` the packages of Priority: required, and apt.
 */
export function baseStages(
  request: SolveRequest,
  { universe, order }: { universe: Universe; order: OrderSatisfiers },
): Root[][] {
  if (request.base === "none") return [];
  const items = request.indexes.flatMap((index) => [...index.basePackages, ...index.named("apt")]);
  const roots = (isWanted: (item: Package) => boolean): Root[] => {
    const names = new Set(items.filter((item) => isNative(item, request) && isWanted(item)).map(({ name }) => name));
    return [...names].sort(compareOrdinal).map((name) => rootOfBase(universe, name, order));
  };
  const essential = roots((item) => item.essential);
  if (request.base === "essential") return [essential];
  return [essential, roots((item) => item.priority === "required" || item.name === "apt")];
}

function isNative(item: Package, request: SolveRequest): boolean {
  return item.architecture === request.architecture || item.architecture === "all";
}
