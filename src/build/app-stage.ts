// SPDX-License-Identifier: Apache-2.0
import {
  appTree,
  openContents,
  type OwnedTree,
  type ProjectFiles,
  putOwnedTree,
  readAccounts,
  selectFiles,
} from "../assemble/index.ts";
import { canonicalJson, type Digest, digestOf, type Json } from "../base/index.ts";
import type { ImageDocument } from "../spec/index.ts";
import type { PackWriter, Store } from "../store/index.ts";
import { planLayers } from "./plan-layers.ts";
import { outputFiles } from "./steps/output-files.ts";
import type { Stage } from "./stage.ts";

/**
 * The digest of all that the app phase takes from the project: which files, whether they are executable or
 * links, and their contents. Directory order, times and owners of the host have no part in it.
 */
export function digestAppInputs(document: ImageDocument, project: ProjectFiles): Digest {
  const inputs: Json[] = [];
  for (const item of document.app) {
    if (item.kind !== "copy") continue;
    for (const { file, below } of selectFiles(item.from, item.exclude, project).files) {
      const { path, executable, symlinkTarget } = file;
      const content = symlinkTarget === undefined ? project.content(path).digest : undefined;
      inputs.push({ path, below, executable, symlinkTarget, content });
    }
  }
  return digestOf(canonicalJson(inputs));
}

export interface AppRequest {
  readonly store: Store;
  readonly document: ImageDocument;
  readonly below: Stage;
  readonly lower: OwnedTree;
  readonly project: ProjectFiles;
  /** Trees: the outputs of the image's steps, by name. */
  readonly outputs: ReadonlyMap<string, Digest>;
  readonly pack: PackWriter;
  readonly mtimeSeconds: number;
}

/** The phase app on top of a stage. */
export function makeAppStage(request: AppRequest): { readonly stage: Stage; readonly owned: OwnedTree } {
  const { store, document, below, lower, project, pack, mtimeSeconds } = request;
  const contents = openContents(store, pack);
  const accounts = readAccounts(lower.tree, contents);
  const outputs = new Map(
    [...request.outputs].map(([step, tree]) => [step, outputFiles(store.readTree(tree), store)]),
  );
  const owned = appTree(lower, document.app, { accounts, project, outputs, contents, mtimeSeconds });
  if (owned === lower) return { stage: below, owned };
  const put = (tree: OwnedTree["tree"]): Digest => store.putTree(tree, pack);
  const layers = planLayers("app", lower, owned, { put, groups: 1, sourceOf: () => undefined });
  return { stage: { ...below, layers: [...below.layers, ...layers], ...putOwnedTree(store, pack, owned) }, owned };
}
