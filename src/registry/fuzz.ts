// SPDX-License-Identifier: Apache-2.0
import { parsePath } from "../base/index.ts";
import { encodeDockerManifest, parseDockerManifest } from "./docker-manifest.ts";
import { encodeLayoutIndex, parseLayoutIndex, resolveTag, withEntry } from "./layout-index.ts";
import { verifyLayoutMark, layoutMark } from "./layout-source.ts";
import { sampleImage } from "./testing/sample-image.ts";

const seedImage = { config: parsePath("c.json"), repoTags: ["a:1"], layers: [parsePath("l/layer.tar")] };

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
];
