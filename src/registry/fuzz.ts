// SPDX-License-Identifier: Apache-2.0
import { parsePath } from "../base/index.ts";
import { encodeDockerManifest, parseDockerManifest } from "./docker-manifest.ts";
import { encodeLayoutIndex, parseLayoutIndex, resolveTag, withEntry } from "./layout-index.ts";
import { verifyLayoutMark, layoutMark } from "./layout-source.ts";
import { layerChain, parseStorageImages, parseStorageLayers } from "./storage-records.ts";
import { TarSplitParser } from "./tar-split-parser.ts";
import { dir, file, sampleImage } from "./testing/sample-image.ts";
import { splitOf } from "./testing/storage-dir.ts";

const seedImage = { config: parsePath("c.json"), repoTags: ["a:1"], layers: [parsePath("l/layer.tar")] };

const id = "a".repeat(64);

/** Wherever pieces of the input end, they are the same lines. */
function splitInTwo(bytes: Uint8Array): void {
  const [whole, parts] = [new TarSplitParser("x"), new TarSplitParser("x")];
  const half = bytes.length >> 1;
  const once = [...whole.push(bytes), ...whole.finish()];
  const twice = [...parts.push(bytes.subarray(0, half)), ...parts.push(bytes.subarray(half)), ...parts.finish()];
  if (once.length !== twice.length) throw new Error("internal error: tar-split depends on how it is cut");
}

/** For the mutation suite: on any bytes these return or throw an `AshlarError`, soon and in little memory. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  {
    name: "layout index.json",
    seeds: () => [encodeLayoutIndex(withEntry([], sampleImage("none").manifestDescriptor, "a:1"))],
    run: (bytes) => void resolveTag(parseLayoutIndex(bytes), undefined, "a layout"),
  },
  { name: "oci-layout", seeds: () => [Buffer.from(layoutMark)], run: (bytes) => verifyLayoutMark(bytes, "x") },
  {
    name: "docker manifest.json",
    seeds: () => [encodeDockerManifest([seedImage])],
    run: (bytes) => void encodeDockerManifest(parseDockerManifest(bytes)),
  },
  {
    name: "tar-split",
    seeds: () => [Buffer.from(splitOf([dir("d"), file("d/a", "text"), file("d/b", "")]))],
    run: splitInTwo,
  },
  {
    name: "containers-storage images.json",
    seeds: () => [Buffer.from(JSON.stringify([{ id, names: ["localhost/a:1"], layer: id }]))],
    run: (bytes) => void parseStorageImages(bytes),
  },
  {
    name: "containers-storage layers.json",
    seeds: () => [Buffer.from(JSON.stringify([{ id, "diff-size": 7 }, { id: id.replace(/^a/, "b"), parent: id }]))],
    run: (bytes) => void layerChain({ id, names: [], layer: id }, parseStorageLayers(bytes)),
  },
];
