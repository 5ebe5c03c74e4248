// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../base/index.ts";
import { type Layer, mediaTypes } from "../oci/index.ts";
import { readLayerTree } from "./read-layer-tree.ts";
import { lowerTar, upperTars } from "./testing/seed-layers.ts";

/** A layer that is what it claims to be, so that its tar is what is tested. */
function plainLayer(tar: Uint8Array): Layer {
  return {
    descriptor: { mediaType: mediaTypes.layer, digest: digestOf(tar), sizeBytes: tar.length },
    diffId: digestOf(tar),
    async *open() {
      yield tar;
    },
  };
}

/** For the mutation suite: on any bytes these return or throw an `AshlarError`, soon and in little memory. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => Promise<void>;
}[] = [
  {
    name: "layer tree",
    seeds: () => [lowerTar, ...upperTars],
    run: async (bytes) => void (await readLayerTree([plainLayer(lowerTar), plainLayer(bytes)])),
  },
];
