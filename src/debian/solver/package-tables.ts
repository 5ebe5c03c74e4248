// SPDX-License-Identifier: Apache-2.0
import type { Package } from "../package.ts";
import type { PackageIndex } from "../packages-index.ts";

/** What the solver asks an index for; one is made an index and kept as long as the index lives. */
export interface PackageTables {
  readonly source: string;
  readonly packages: readonly Package[];
  named(name: string): readonly Package[];
  providersOf(name: string): readonly Package[];
  names(): Iterable<string>;
}

const known = new WeakMap<PackageIndex, PackageTables>();

export function tablesOf(index: PackageIndex): PackageTables {
  let tables = known.get(index);
  if (tables === undefined) {
    tables = makeTables(index);
    known.set(index, tables);
  }
  return tables;
}

function makeTables(index: PackageIndex): PackageTables {
  const { packages } = index;
  const byName = new Map<string, Package[]>();
  const byProvided = new Map<string, Package[]>();
  for (const item of packages) {
    append(byName, item.name, item);
    for (const group of item.provides) for (const { name } of group) append(byProvided, name, item);
  }
  return {
    source: index.source,
    packages,
    named: (name) => byName.get(name) ?? [],
    providersOf: (name) => [...new Set(byProvided.get(name) ?? [])],
    names: () => byName.keys(),
  };
}

function append<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
