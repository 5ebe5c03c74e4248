// SPDX-License-Identifier: Apache-2.0
import { parsePath } from "../base/index.ts";
import { TarSplitParser } from "../formats/index.ts";
import { encodeDockerManifest, parseDockerManifest } from "./docker-manifest.ts";
import { encodeLayoutIndex, parseLayoutIndex, resolveTag, withEntry } from "./layout-index.ts";
import { verifyLayoutMark, layoutMark } from "./layout-source.ts";
import { parseErrors } from "./remote/answer-error.ts";
import { parseAuthFile, parseHelperAnswer, planCredentials } from "./remote/auth-files.ts";
import { parseChallenges } from "./remote/challenge.ts";
import { parseRegistriesFile } from "./remote/registries-file.ts";
import { parseToken, realmOf } from "./remote/token-service.ts";
import { layerChain, parseStorageImages, parseStorageLayers } from "./storage-records.ts";
import { dir, file, sampleImage } from "./testing/sample-image.ts";
import { splitOf } from "./testing/storage-dir.ts";

const authFile = {
  auths: { "https://index.docker.io/v1/": { auth: "bWU6c2VjcmV0" }, "r.example/team": { identitytoken: "x" } },
  credHelpers: { "gcr.example": "gcloud" },
  credsStore: "pass",
};
const registry = new URL("https://r.example");
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

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
    name: "auth file of docker and podman",
    seeds: () => [json(authFile)],
    run: (bytes) =>
      void planCredentials([parseAuthFile(bytes, "config.json")], { registry: "r.example", repository: "team/app" }),
  },
  {
    name: "answer of a credential helper",
    seeds: () => [json({ ServerURL: "r.example", Username: "me", Secret: "secret" })],
    run: (bytes) => void parseHelperAnswer(bytes, "pass"),
  },
  {
    name: "registries.json",
    seeds: () => [json({ mirrors: { "docker.io": ["m.example/hub"] }, insecure: ["r.lan:5000"], authHosts: {} })],
    run: (bytes) => void parseRegistriesFile(bytes, "registries.json"),
  },
  {
    name: "challenge of a registry",
    seeds: () => [Buffer.from('Bearer realm="https://auth.r.example/token",service="r", Basic realm="x"')],
    run(bytes) {
      for (const one of parseChallenges(Buffer.from(bytes).toString("latin1"))) {
        if (one.scheme === "bearer") realmOf(one, registry, []);
      }
    },
  },
  { name: "token", seeds: () => [json({ token: "abc", expires_in: 9 })], run: (bytes) => void parseToken(bytes, "x") },
  {
    name: "errors of a registry",
    seeds: () => [json({ errors: [{ code: "DENIED", message: "no" }] })],
    run: (bytes) => void parseErrors(bytes),
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
