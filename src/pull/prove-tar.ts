// SPDX-License-Identifier: Apache-2.0
import { AshlarError, type Digest, hexOf, parsePath } from "../base/index.ts";
import { makeTree, type Tree } from "../formats/index.ts";
import { parseRecipe, type TarPlan, writeRecipe } from "../layer/index.ts";
import type { Store } from "../store/index.ts";
import type { WantedLayer } from "./layer-way.ts";

/** A content of a layer. */
export interface LayerContent {
  readonly content: Digest;
  readonly sizeBytes: number;
}

/** What is known of a layer that is kept by file; its recipe and contents are in the store and proven already. */
export interface KeptTar {
  /** Content. */
  readonly recipe: Digest;
  readonly contents: Iterable<LayerContent>;
  readonly hasBlob: boolean;
}

/** The plan of a layer that is kept by file. */
export function tarPlan({ store, layer, name }: WantedLayer, { recipe, contents, hasBlob }: KeptTar): TarPlan {
  const { mediaType, digest, sizeBytes, annotations = {} } = layer.descriptor;
  const files = store.putTree(filesTree(contents));
  return { kind: "tar", name, mediaType, digest, sizeBytes, annotations, diffId: layer.diffId, recipe, files, hasBlob };
}

const meta = { mode: 0o444, uid: 0, gid: 0, mtimeSeconds: 0 };

function filesTree(contents: Iterable<LayerContent>): Tree {
  const distinct = new Map([...contents].map((item) => [item.content, item.sizeBytes]));
  return makeTree(
    [...distinct].map(([content, sizeBytes]) => {
      return { ...meta, type: "file", path: parsePath(hexOf(content)), content, sizeBytes };
    }),
  );
}

/** Makes the tar of a recipe and proves that it is the layer's. Throws `OCI_DIFF_ID`. */
export function proveTar(store: Store, recipe: Digest, diffId: Digest): void {
  const pieces = writeRecipe(parseRecipe(store.read(recipe)), (content) => store.stream(content));
  let next = pieces.next();
  while (next.done !== true) next = pieces.next();
  if (next.value.diffId === diffId) return;
  const message = `Cannot take layer: its files make a tar of diffId ${next.value.diffId}, want ${diffId}`;
  throw new AshlarError("OCI_DIFF_ID", message);
}
