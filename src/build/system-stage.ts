// SPDX-License-Identifier: Apache-2.0
import {
  assembleSystem,
  assembleUsers,
  emptyTree,
  openContents,
  packageId,
  type UnpackedPackage,
} from "../assemble/index.ts";
import { type Digest, type Json } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Action, PackWriter, Store } from "../store/index.ts";
import { planLayers } from "./plan-layers.ts";
import {
  factsOf,
  putOwnedTree,
  readOwnedTree,
  readUnpacked,
  type RecordedPackage,
  type Stage,
  stageReaches,
} from "./stage.ts";

export interface SystemRequest {
  readonly store: Store;
  readonly document: ImageDocument;
  readonly packages: readonly RecordedPackage[];
  /** The image below, for `from: { image }`. */
  readonly below: Stage | undefined;
}

/** The phases base, packages and system: a pure step of the packages and a part of the document. */
export function makeSystemStage(request: SystemRequest): Stage {
  const { store } = request;
  const action = actionOf(request);
  const known = store.getAction(action)?.value as unknown as Stage | undefined;
  if (known !== undefined) return known;
  const pack = store.beginPack();
  try {
    const stage = assemble(request, pack);
    pack.commit();
    store.putAction(action, { value: stage as unknown as Json, reaches: stageReaches(stage) });
    return stage;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

function actionOf({ document, packages, below }: SystemRequest): Action {
  const { from, system, users, layers } = document;
  const roles = packages.map(({ locked }) => ({
    name: locked.name,
    version: locked.version,
    architecture: locked.architecture,
    sourceName: locked.sourceName,
    phase: locked.phase,
    use: locked.use,
  }));
  const lower = below === undefined ? [] : [below.flat, below.owners];
  const inputs = [...packages.map((item) => item.record), ...lower];
  const parameters = { from: from.kind, system, users, layers, roles, isChild: below !== undefined };
  return { operation: "assemble.system", version: 1, inputs, parameters: parameters as unknown as Json };
}

function assemble({ store, document, packages, below }: SystemRequest, pack: PackWriter): Stage {
  const facts = factsOf(store, packages);
  const contents = openContents(store, pack);
  const lower = below === undefined ? undefined : readOwnedTree(store, below);
  const unpacked = packages.map((item) => readUnpacked(store, item));
  const phases = assembleSystem({
    document,
    packages: unpacked,
    below: lower,
    contents,
    factsOf: (digest: Digest) => facts.get(digest),
  });
  const system = assembleUsers(phases.packages, document.users, contents);
  const sources = new Map(packages.map(({ locked }) => [packageId(locked), locked.sourceName]));
  const put = (tree: UnpackedPackage["tree"]): Digest => store.putTree(tree, pack);
  const options = { put, groups: 1, sourceOf: (owner: string) => sources.get(owner) };
  const split = { ...options, groups: document.layers.packages };
  const start = lower ?? emptyTree;
  const layers = [
    ...(below?.layers ?? []),
    ...planLayers("base", start, phases.base, options),
    ...planLayers("packages", phases.base, phases.packages, split),
    ...planLayers("system", phases.packages, system, options),
  ];
  return { layers, ...putOwnedTree(store, pack, system) };
}
