// SPDX-License-Identifier: Apache-2.0
import { byText } from "../../base/index.ts";
import type { ContentReader, UnpackedPackage } from "../content.ts";
import { type DescribedPackage, describePackage } from "./describe-package.ts";
import { dependenciesOf } from "./order-packages.ts";

/** As many packages that a spec names are installed one by one; those after them in groups of `laterCount`. */
const singleCount = 8;
const laterCount = 4;

/**
 * Parts packages into groups that are installed one after the other, each a remembered step: what a spec names
 * with what it needs, the largest first. So a small package more is one small step on top of what is there.
 * The groups depend on the packages alone.
 */
export function groupPackages<T extends UnpackedPackage>(
  packages: readonly T[],
  contents: ContentReader,
): readonly (readonly T[])[] {
  const described = packages.map((item) => describePackage(item, contents));
  const origin = new Map(described.map((item, i) => [item, packages[i] as T]));
  const asked = described
    .filter(({ locked }) => locked.by.includes("spec"))
    .map((item) => closureOf(item, described));
  asked.sort((a, b) => b.sizeBytes - a.sizeBytes || (a.name < b.name ? -1 : 1));
  const taken = new Set<DescribedPackage>();
  const groups = chunk(asked).map((closures) => {
    const group = new Set(closures.flatMap(({ members }) => [...members]).filter((item) => !taken.has(item)));
    for (const item of group) taken.add(item);
    return [...group];
  });
  const rest = described.filter((item) => !taken.has(item));
  const all = [...groups, rest].filter((group) => group.length > 0);
  return all.map((group) => group.sort(byText(({ id }) => id)).map((item) => origin.get(item) as T));
}

interface Closure {
  readonly name: string;
  readonly members: ReadonlySet<DescribedPackage>;
  /** Of the .debs. */
  readonly sizeBytes: number;
}

function closureOf(asked: DescribedPackage, among: readonly DescribedPackage[]): Closure {
  const members = new Set([asked]);
  for (const item of members) for (const needed of dependenciesOf(item, among)) members.add(needed);
  const sizeBytes = [...members].reduce((sum, { locked }) => sum + locked.sizeBytes, 0);
  return { name: asked.id, members, sizeBytes };
}

function chunk<T>(items: readonly T[]): readonly (readonly T[])[] {
  const chunks: T[][] = items.slice(0, singleCount).map((item) => [item]);
  for (let at = singleCount; at < items.length; at += laterCount)
    chunks.push(items.slice(at, at + laterCount));
  return chunks;
}
