// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, hexOf, parsePath } from "../base/index.ts";
import { makeTree, type Tree } from "../formats/index.ts";
import { parseRecipe, type TarPlan, writeRecipe } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedLayer } from "./layer-way.ts";

/** What is known of a layer that is kept by file; its recipe and contents are in the store and proven already. */
export interface KeptTar {
  /** Content. */
  readonly recipe: Digest;
  readonly hasBlob: boolean;
}

/** The plan of a layer that is kept by file. */
export function tarPlan({ store, layer, name }: WantedLayer, { recipe, hasBlob }: KeptTar): TarPlan {
  const { mediaType, digest, sizeBytes, annotations = {} } = layer.descriptor;
  const files = store.putTree(filesOf(store, recipe));
  return { kind: "tar", name, mediaType, digest, sizeBytes, annotations, diffId: layer.diffId, recipe, files, hasBlob };
}

const meta = { mode: 0o444, uid: 0, gid: 0, mtimeSeconds: 0 };

/** The sizes are the store's: with those that a table claims, the tar would be read as another one. */
function filesOf(store: Store, recipe: Digest): Tree {
  const contents = new Set<Digest>();
  for (const { content } of parseRecipe(store.stream(recipe))) if (content !== undefined) contents.add(content);
  return makeTree(
    [...contents].map((content) => {
      const info = store.info(content);
      if (info === undefined) throw new Error(`internal error: content ${content} of a layer is not in the store`);
      return { ...meta, type: "file", path: parsePath(hexOf(content)), content, sizeBytes: info.sizeBytes };
    }),
  );
}

/** Makes the tar of a recipe and proves that it is the layer's. Throws `OCI_DIFF_ID`. */
export function proveTar(store: Store, recipe: Digest, diffId: Digest): void {
  const pieces = writeRecipe(parseRecipe(store.stream(recipe)), (content) => store.stream(content));
  let next = pieces.next();
  while (next.done !== true) next = pieces.next();
  if (next.value.diffId === diffId) return;
  const message = `Cannot take layer: its files make a tar of diffId ${next.value.diffId}, want ${diffId}`;
  throw new AshlarError("OCI_DIFF_ID", message);
}
