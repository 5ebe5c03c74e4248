// SPDX-License-Identifier: Apache-2.0
import { AshlarError, showPath } from "../base/index.ts";
import { loadCompressor, type Tree } from "../formats/index.ts";
import {
  claimedId,
  type ComposedPlan,
  describeLayer,
  LayerAhead,
  type LayerParts,
  withoutClaims,
} from "../layer/index.ts";
import { inPack, type Store } from "../store/index.ts";
import type { IndexedParts } from "./indexed-way.ts";
import type { FilesWay, WantedLayer } from "./layer-way.ts";

/**
 * Composes a layer anew, in part while its files come: when the blob is the same to the byte, everything in it is what
 * was published. Throws `PULL_INDEX` where it cannot be.
 */
export async function composeAnew(
  wanted: WantedLayer,
  read: IndexedParts,
): Promise<Required<Pick<FilesWay, "advance" | "finish">>> {
  const { store, layer } = wanted;
  const [directories = [], ...blocks] = read.hasDirectories ? read.parts : [[], ...read.parts];
  const parts = { directories, blocks };
  const strange = directories.find(({ type }) => type !== "dir");
  if (strange !== undefined) throw indexFault(`"${showPath(strange.path)}" stands among the directories`);
  const plan = keepPlan(wanted, parts, read.missing.length > 0 || hasClaims(parts, store));
  const ahead = new LayerAhead(store, { plan, parts, compressor: await loadCompressor() });
  return {
    advance: () => ahead.advance(),
    finish: async () => {
      for (const block of blocks) verifySizes(block, store);
      // Another image's frames may have been here under the same claim, and be other ones: then nothing is believed.
      const right = ahead.finish(layer.descriptor.digest) ? plan : withoutClaims(plan);
      const made = await describeLayer(right, "zstd:chunked", { store, compressor: loadCompressor });
      if (made.digest === layer.descriptor.digest && made.diffId === layer.diffId) return right;
      throw indexFault(`composed anew it has digest ${made.digest}, want ${layer.descriptor.digest}`);
    },
  };
}

function keepPlan(
  { store, name }: WantedLayer,
  { directories, blocks }: LayerParts,
  isClaimed: boolean,
): ComposedPlan {
  return inPack(store, (pack) => ({
    name,
    directories: store.putTree(directories, pack),
    blocks: blocks.map((block) => store.putTree(block, pack)),
    form: "zstd:chunked",
    ...(isClaimed && { claimed: true }),
  }));
}

/** Tells whether some frames are only said to be ours. */
function hasClaims({ blocks }: LayerParts, store: Store): boolean {
  const claimed = claimedId();
  return blocks.some((block) => {
    return block.some((entry) => entry.type === "file" && store.info(entry.content)?.compressor === claimed);
  });
}

/** A content may have been here before, whatever size the table gives it. */
function verifySizes(block: Tree, store: Store): void {
  for (const entry of block) {
    if (entry.type !== "file" || store.info(entry.content)?.sizeBytes === entry.sizeBytes) continue;
    throw indexFault(`"${showPath(entry.path)}" is said to have ${entry.sizeBytes} bytes, and its content has not`);
  }
}

export function indexFault(what: string): AshlarError {
  return new AshlarError("PULL_INDEX", `Cannot read the index of a layer: ${what}`);
}
