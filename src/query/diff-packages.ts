// SPDX-License-Identifier: Apache-2.0
import { byText } from "../base/index.ts";
import { compareVersions } from "../debian/index.ts";

/** A package that is in an image. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The package it was built from, where that has another name. */
  readonly sourceName: string;
}

export interface ChangedPackage {
  readonly name: string;
  readonly before: InstalledPackage;
  readonly after: InstalledPackage;
  /** "other": the architecture changed and the version did not. */
  readonly direction: "upgraded" | "downgraded" | "other";
}

/** Each list in the order of names, then architectures. */
export interface PackageDiff {
  readonly added: readonly InstalledPackage[];
  readonly removed: readonly InstalledPackage[];
  readonly changed: readonly ChangedPackage[];
}

/** Compares two sets of packages; a package that only changed its architecture (to `all`, say) is changed. */
export function diffPackages(before: readonly InstalledPackage[], after: readonly InstalledPackage[]): PackageDiff {
  const [old, now] = [indexed(before), indexed(after)];
  const removed = new Set([...old].flatMap(([key, item]) => (now.has(key) ? [] : [item])));
  const added = new Set([...now].flatMap(([key, item]) => (old.has(key) ? [] : [item])));
  const moved = samePackages(removed, added);
  const pairs = [...moved, ...[...old].flatMap(([key, item]): Pair[] => {
    const other = now.get(key);
    return other === undefined || other.version === item.version ? [] : [[item, other]];
  })];
  for (const [a, b] of moved) {
    removed.delete(a);
    added.delete(b);
  }
  const changed = pairs.map(changeOf).sort(byText((item) => keyOf(item.after)));
  return { added: sorted(added), removed: sorted(removed), changed };
}

type Pair = readonly [before: InstalledPackage, after: InstalledPackage];

/** Packages whose name is once in either set. */
function samePackages(removed: Iterable<InstalledPackage>, added: Iterable<InstalledPackage>): Pair[] {
  const [gone, come] = [byName(removed), byName(added)];
  return [...gone].flatMap(([name, [first, ...others]]): Pair[] => {
    const [match, ...more] = come.get(name) ?? [];
    return first === undefined || match === undefined || others.length + more.length > 0 ? [] : [[first, match]];
  });
}

function byName(packages: Iterable<InstalledPackage>): Map<string, InstalledPackage[]> {
  return Map.groupBy(packages, (item) => item.name);
}

function indexed(packages: readonly InstalledPackage[]): Map<string, InstalledPackage> {
  return new Map(packages.map((item) => [keyOf(item), item]));
}

/** A space sorts before every character of a name. */
function keyOf({ name, architecture }: InstalledPackage): string {
  return `${name} ${architecture}`;
}

function sorted(packages: Iterable<InstalledPackage>): InstalledPackage[] {
  return [...packages].sort(byText(keyOf));
}

function changeOf([before, after]: Pair): ChangedPackage {
  const order = compareVersions(before.version, after.version);
  const direction = order < 0 ? "upgraded" : order > 0 ? "downgraded" : "other";
  return { name: after.name, before, after, direction };
}
