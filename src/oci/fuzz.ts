// SPDX-License-Identifier: Apache-2.0
import { encodeConfig, parseConfig } from "./image-config.ts";
import { encodeIndex, encodeManifest, parseIndex, parseManifest } from "./manifest.ts";
import { parsePlatform } from "./platform.ts";
import { formatReference, parseReference } from "./reference.ts";
import { sampleConfig, sampleIndex, sampleManifest } from "./testing/samples.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const texts = (...seeds: string[]): Uint8Array[] => seeds.map((seed) => Buffer.from(seed));

/** For the mutation suite: on any bytes these return or throw an `AshlarError`, soon and in little memory. */
export const fuzzTargets: readonly {
  readonly name: string;
  readonly seeds: () => Uint8Array[];
  readonly run: (bytes: Uint8Array) => void;
}[] = [
  {
    name: "oci manifest",
    seeds: () => [encodeManifest(sampleManifest)],
    run: (bytes) => void encodeManifest(parseManifest(bytes)),
  },
  { name: "oci index", seeds: () => [encodeIndex(sampleIndex)], run: (bytes) => void encodeIndex(parseIndex(bytes)) },
  {
    name: "oci config",
    seeds: () => [encodeConfig(sampleConfig)],
    run: (bytes) => void encodeConfig(parseConfig(bytes)),
  },
  {
    name: "oci reference",
    seeds: () => texts("nginx", "localhost:5000/a/b__c:1.2", `x.y/z@${sampleManifest.config.digest}`),
    run: (bytes) => void formatReference(parseReference(text(bytes))),
  },
  {
    name: "oci platform",
    seeds: () => texts("linux/amd64", "linux/arm/v7"),
    run: (bytes) => void parsePlatform(text(bytes)),
  },
];
