// SPDX-License-Identifier: Apache-2.0
/**
 * From trees to layer blobs, and how the packages phase is split into several.
 *
 * - parts: the directories of a layer, then its blocks (one tree for each package or other origin)
 * - form: how the tar is compressed; the diffId is the same in all of them
 * - foreign: a layer of somebody else, which passes as it is
 * - recipe: the tar of a layer of somebody else as raw bytes and contents, so that it is kept by file
 * - frame: what the store holds of a content; composing a layer copies frames
 *
 *     const blob = await describeLayer(plan, "zstd:chunked", { store, compressor: loadCompressor });
 *     for await (const bytes of openLayer(plan, blob, maker)) file.write(bytes);
 */
export { type Difference, firstByte, firstDifference, type LayerSide } from "./first-difference.ts";
export { estargzFooterBytes, parseEstargzFooter } from "./estargz-footer.ts";
export { type EstargzEntry, estargzLandmarks, estargzTocName, parseEstargzToc } from "./estargz-toc.ts";
export { knownLayer, rememberLayer } from "./known-layer.ts";
export { LayerAhead } from "./layer-ahead.ts";
export { LayerTarParser } from "./layer-tar-parser.ts";
export {
  describeLayer,
  formIdentity,
  type LayerBlob,
  type LayerMaker,
  openLayer,
  readParts,
} from "./layer.ts";
export {
  claimedId,
  type ComposedPlan,
  lacksBlob,
  type LayerForm,
  layerFormat,
  type LayerPlan,
  planReaches,
  type TarPlan,
  withoutClaims,
} from "./plan.ts";
export { describePublished, type PublishedLayer } from "./published-layer.ts";
export { parseToc, parseTocNode, type Toc, tocBytesMax, type TocEntry, type TocFrame } from "./read-toc.ts";
export {
  type DigestPrefix,
  encodeLayerIndex,
  type IndexPart,
  type LayerIndex,
  parseLayerIndex,
  prefixOf,
} from "./layer-index.ts";
export { type LayerSpool, openSpool } from "./spool.ts";
export { splitBySource } from "./split-by-source.ts";
export { parseRecipe, RecipeWriter, type TarPart, writeRecipe } from "./tar-recipe.ts";
export { type LayerParts, splitDirectories } from "./tar-walk.ts";
