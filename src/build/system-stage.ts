// SPDX-License-Identifier: Apache-2.0
import {
  assembleSystem,
  assembleUsers,
  emptyTree,
  openContents,
  type OwnedTree,
  packageId,
  showSecret,
} from "../assemble/index.ts";
import { type Digest, type Json } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { Action, PackWriter, Store } from "../store/index.ts";
import { installPhases } from "./full-phases.ts";
import type { InstallContext } from "./installed-root.ts";
import { planLayers } from "./plan-layers.ts";
import {
  factsOf,
  type KeptRoot,
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
  readonly platform: string;
  /** The image below and all packages in it, for `from: { image }` and `from: { oci }`. */
  readonly below: { readonly stage: Stage; readonly packages: readonly RecordedPackage[] } | undefined;
  readonly install: InstallContext;
}

/** The phases base, packages and system: a pure step of the packages and a part of the document. */
export async function makeSystemStage(request: SystemRequest): Promise<Stage> {
  const { store } = request;
  const action = actionOf(request);
  const known = store.getAction(action)?.value as unknown as Stage | undefined;
  if (known !== undefined) return known;
  const phases = await makePhases(request);
  const pack = store.beginPack();
  try {
    const stage = finish(request, phases, pack);
    pack.commit();
    store.putAction(action, { value: stage as unknown as Json, reaches: stageReaches(stage) });
    return stage;
  } catch (error) {
    pack.abort();
    throw error;
  }
}

function actionOf({ document, packages, below, platform }: SystemRequest): Action {
  const { from, system, users, layers } = document;
  const roles = packages.map(({ locked }) => ({
    name: locked.name,
    version: locked.version,
    architecture: locked.architecture,
    sourceName: locked.sourceName,
    phase: locked.phase,
    use: locked.use,
  }));
  const lower = below === undefined ? [] : [below.stage.flat, below.stage.owners];
  const inputs = [...packages.map((item) => item.record), ...lower];
  const isChild = below !== undefined;
  // Equal trees may come in other layers, and those are part of the stage.
  const under = below?.stage.layers ?? [];
  const parameters = { from: from.kind, platform, system, users, layers, roles, isChild, under };
  return { operation: "assemble.system", version: 2, inputs, parameters: parameters as unknown as Json };
}

interface Phases {
  readonly base: OwnedTree;
  readonly packages: OwnedTree;
  readonly installed?: readonly KeptRoot[];
}

/** Scripts run with packs of their own; without scripts nothing but this stage's pack is needed. */
function makePhases(request: SystemRequest): Promise<Phases | undefined> {
  const { document } = request;
  return document.system.install === "full" && document.from.kind !== "scratch"
    ? installWithWarnings(request)
    : Promise.resolve(undefined);
}

async function installWithWarnings(request: SystemRequest): Promise<Phases> {
  const phases = await installPhases(request);
  for (const secret of phases.secrets) request.install.progress.warn(showSecret(secret));
  return phases;
}

function unpackPhases({ store, document, packages, below }: SystemRequest, pack: PackWriter): Phases {
  const facts = factsOf(store, packages);
  return assembleSystem({
    document,
    packages: packages.map((item) => readUnpacked(store, item)),
    below: below === undefined ? undefined : readOwnedTree(store, below.stage),
    contents: openContents(store, pack),
    factsOf: (digest: Digest) => facts.get(digest),
  });
}

function finish(request: SystemRequest, installed: Phases | undefined, pack: PackWriter): Stage {
  const { store, document, packages, below } = request;
  const phases = installed ?? unpackPhases(request, pack);
  const system = assembleUsers(phases.packages, document.users, openContents(store, pack));
  const sources = new Map(packages.map(({ locked }) => [packageId(locked), locked.sourceName]));
  const put = (tree: OwnedTree["tree"]): Digest => store.putTree(tree, pack);
  const options = { put, groups: 1, sourceOf: (owner: string) => sources.get(owner) };
  const split = { ...options, groups: document.layers.packages };
  const start = below === undefined ? emptyTree : readOwnedTree(store, below.stage);
  const layers = [
    ...(below?.stage.layers ?? []),
    ...planLayers("base", start, phases.base, options),
    ...planLayers("packages", phases.base, phases.packages, split),
    ...planLayers("system", phases.packages, system, options),
  ];
  const roots = phases.installed === undefined ? {} : { installed: phases.installed };
  return { layers, ...putOwnedTree(store, pack, system), ...roots };
}
