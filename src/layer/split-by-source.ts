// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../base/index.ts";

/**
 * Splits packages into at most `groupCountMax` groups by their source package. A source package's group is
 * a pure function of its name, so an update, an added or a removed package never moves another one; empty
 * groups are left out. Order inside a group is the order given.
 */
export function splitBySource<T extends { readonly sourceName: string }>(
  packages: readonly T[],
  groupCountMax: number,
): readonly (readonly T[])[] {
  const groups = new Map<number, T[]>();
  for (const item of packages) {
    const number = Number.parseInt(digestOf(item.sourceName).slice(7, 19), 16) % groupCountMax;
    const group = groups.get(number) ?? [];
    group.push(item);
    groups.set(number, group);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}
