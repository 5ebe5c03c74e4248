// SPDX-License-Identifier: Apache-2.0
import type { ContentFacts, InstallationSecret, UnpackedPackage } from "../assemble/index.ts";
import type { Digest } from "../base/index.ts";
import { type LayerPlan, planReaches } from "../layer/index.ts";
import type { LockedPackage } from "../lock/index.ts";
import type { Store } from "../store/index.ts";
import { readPackageRecord } from "./packages.ts";

/** A root file system at some point of the build, by digests, with the layers that make it. */
export interface Stage {
  readonly layers: readonly LayerPlan[];
  /** Tree: everything so far. */
  readonly flat: Digest;
  /** Content: who put its entries there. */
  readonly owners: Digest;
  /** Roots on the way there that scripts made: kept, so that a later build need not run them again. */
  readonly installed?: readonly KeptRoot[];
  /** Keys and passwords that scripts made here; absent: no scripts ran. */
  readonly secrets?: readonly InstallationSecret[];
}

/** Raised whenever the same packages would make another installed root; a part of every key that stands on one. */
export const installVersion = 3;

/** An installed root by digests. */
export interface KeptRoot {
  readonly flat: Digest;
  readonly owners: Digest;
  readonly near: Digest;
}

/** What keeps installed roots alive in the store. */
export function rootReaches(roots: readonly KeptRoot[] = []): {
  readonly trees: readonly Digest[];
  readonly contents: readonly Digest[];
} {
  return { trees: roots.flatMap(({ flat, near }) => [flat, near]), contents: roots.map(({ owners }) => owners) };
}

/** What a stage keeps alive in the store. */
export function stageReaches(stage: Stage): {
  readonly trees: readonly Digest[];
  readonly contents: readonly Digest[];
} {
  const { trees, contents } = planReaches(stage.layers);
  const roots = rootReaches(stage.installed);
  return {
    trees: [...trees, stage.flat, ...roots.trees],
    contents: [...contents, stage.owners, ...roots.contents],
  };
}

/** A locked package with the record of what it unpacks to. */
export interface RecordedPackage {
  readonly locked: LockedPackage;
  readonly record: Digest;
}

/** A package as `assemble` takes it. */
export function readUnpacked(store: Store, item: RecordedPackage): UnpackedPackage {
  return { ...readControl(store, item), tree: store.readTree(readPackageRecord(store, item.record).tree) };
}

/** The same without its tree. */
export function readControl(
  store: Store,
  { locked, record }: RecordedPackage,
): Omit<UnpackedPackage, "tree"> {
  const { control, list } = readPackageRecord(store, record);
  return { locked, control: new Map(Object.entries(control)), list };
}

/** A package for what it runs and asks: without its files. */
export function readScripts(store: Store, item: RecordedPackage): UnpackedPackage {
  return { ...readControl(store, item), tree: [] };
}

/** What the contents of some packages say of themselves: ELF headers and first lines of scripts. */
export function factsOf(store: Store, packages: readonly RecordedPackage[]): Map<Digest, ContentFacts> {
  const facts = new Map<Digest, ContentFacts>();
  for (const { record } of packages) {
    for (const [digest, fact] of Object.entries(readPackageRecord(store, record).facts))
      facts.set(digest as Digest, fact);
  }
  return facts;
}
