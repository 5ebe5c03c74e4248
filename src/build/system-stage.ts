// SPDX-License-Identifier: Apache-2.0
import {
  assembleSystem,
  assembleUsers,
  emptyTree,
  keepTimes,
  openContents,
  type OwnedTree,
  packageId,
  putOwnedTree,
  readOwnedTree,
} from "../assemble/index.ts";
import { type Digest, digestOf, type Json } from "../base/index.ts";
import { encodeTree } from "../formats/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import { type Action, inPack, type PackWriter, type Store } from "../store/index.ts";
import type { InstalledSystem, Phases } from "./install-system.ts";
import type { InstallContext } from "./installed-root.ts";
import { planLayers } from "./plan-layers.ts";
import {
  factsOf,
  readUnpacked,
  type RecordedPackage,
  type Stage,
  stageReaches,
} from "./stage.ts";
import { projectTree } from "./steps/plan-step.ts";
import type { OpenProject } from "./steps/read-project-file.ts";

export interface SystemRequest {
  readonly store: Store;
  readonly document: ImageDocument;
  readonly packages: readonly RecordedPackage[];
  readonly platform: string;
  /** The image below and all packages in it, for `from: { image }` and `from: { oci }`. */
  readonly below: { readonly stage: Stage; readonly packages: readonly RecordedPackage[] } | undefined;
  readonly install: InstallContext;
  /** Hashes the project's files, and brings them into the store. */
  readonly project: OpenProject;
}

/** The phases base, packages and system: a pure step of the packages, files for commands and a part of the document. */
export async function makeSystemStage(request: SystemRequest): Promise<Stage> {
  const { store } = request;
  const action = actionOf(request);
  const known = store.getAction(action)?.value as unknown as Stage | undefined;
  if (known !== undefined) return known;
  // Scripts and commands run with packs of their own; without them this stage's pack is all there is.
  const installed = runsScripts(request.document) ? await installedSystem(request) : undefined;
  const stage = inPack(store, (pack) => finish(request, installed, pack));
  store.putAction(action, { value: stage as unknown as Json, reaches: stageReaches(stage) });
  return stage;
}

/** Loaded when something has to run: most builds remember it. */
async function installedSystem(request: SystemRequest): Promise<InstalledSystem> {
  const { installSystem } = await import("./install-system.ts");
  return installSystem(request);
}

function runsScripts({ system, from }: ImageDocument): boolean {
  return system.install === "full" && from.kind !== "scratch";
}

function actionOf({ document, packages, below, platform, project }: SystemRequest): Action {
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
  const files = system.run.map((run) => digestOf(encodeTree(projectTree(run, project()))));
  const inputs = [...packages.map((item) => item.record), ...lower, ...files];
  const isChild = below !== undefined;
  // Equal trees may come in other layers, and those are part of the stage.
  const under = below?.stage.layers ?? [];
  const parameters = { from: from.kind, platform, system, users, layers, roles, isChild, under };
  return { operation: "assemble.system", version: 5, inputs, parameters: parameters as unknown as Json };
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

/** What a sandbox captures has time 0, also where scripts wrote what was there already. */
function timesKept(start: OwnedTree, { base, packages, system, ...rest }: InstalledSystem): InstalledSystem {
  const kept = (owned: OwnedTree): OwnedTree => keepTimes(start.tree, owned);
  return { base: kept(base), packages: kept(packages), system: kept(system), ...rest };
}

function finish(request: SystemRequest, made: InstalledSystem | undefined, pack: PackWriter): Stage {
  const { store, document, packages, below } = request;
  const start = below === undefined ? emptyTree : readOwnedTree(store, below.stage);
  const installed = made === undefined ? undefined : timesKept(start, made);
  const phases = installed ?? unpackPhases(request, pack);
  const system =
    installed?.system ?? assembleUsers(phases.packages, document.users, openContents(store, pack));
  const sources = new Map(packages.map(({ locked }) => [packageId(locked), locked.sourceName]));
  const put = (tree: OwnedTree["tree"]): Digest => store.putTree(tree, pack);
  const options = { put, groups: 1, sourceOf: (owner: string) => sources.get(owner) };
  const split = { ...options, groups: document.layers.packages };
  const layers = [
    ...(below?.stage.layers ?? []),
    ...planLayers("base", start, phases.base, options),
    ...planLayers("packages", phases.base, phases.packages, split),
    ...planLayers("system", phases.packages, system, options),
  ];
  const roots = made === undefined ? {} : { installed: made.installed, secrets: made.secrets };
  return { layers, ...putOwnedTree(store, pack, system), ...roots };
}
