// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { fuzzTargets } from "./fuzz.ts";
import { ociLimits } from "./limits.ts";
import { encodeIndex, encodeManifest, parseIndex, parseManifest } from "./manifest.ts";
import { layerCompression, mediaTypes } from "./media-types.ts";
import { sampleIndex, sampleManifest } from "./testing/samples.ts";

const bytesOf = (value: unknown): Uint8Array => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const base = (): Record<string, unknown> => JSON.parse(Buffer.from(encodeManifest(sampleManifest)).toString()) as never;

test("encodeManifest writes the standard's key order, and parseManifest reads it back", () => {
  const bytes = encodeManifest(sampleManifest);
  const keys = Object.keys(JSON.parse(Buffer.from(bytes).toString()) as object);
  assert.deepEqual(keys, ["schemaVersion", "mediaType", "artifactType", "config", "layers", "subject", "annotations"]);
  assert.deepEqual(parseManifest(bytes, mediaTypes.manifest), sampleManifest);
});

test("encodeManifest does not depend on the order of annotations", () => {
  const turned = { ...sampleManifest, annotations: { b: "1", a: "2" } };
  assert.deepEqual(encodeManifest(turned), encodeManifest({ ...turned, annotations: { a: "2", b: "1" } }));
});

test("encodeIndex and parseIndex are inverse and keep platforms", () => {
  assert.deepEqual(parseIndex(encodeIndex(sampleIndex), mediaTypes.index), sampleIndex);
});

test("parseManifest takes a document without a mediaType by its descriptor's, docker's included", () => {
  const { mediaType: _, ...rest } = base();
  const type = "application/vnd.docker.distribution.manifest.v2+json";
  assert.equal(parseManifest(bytesOf(rest), type).mediaType, type);
});

type Row = readonly [what: string, code: string, change: (value: Record<string, unknown>) => unknown];

const refused: readonly Row[] = [
  ["both layers and manifests (CVE-2021-41190)", "OCI_FIELD", (v) => ({ ...v, manifests: [] })],
  ["a media type that is not the descriptor's", "OCI_MEDIA_TYPE", (v) => ({ ...v, mediaType: mediaTypes.index })],
  ["schemaVersion 1", "OCI_FIELD", (v) => ({ ...v, schemaVersion: 1 })],
  ["layers spelt Layers", "OCI_FIELD", (v) => ({ ...v, Layers: [] })],
  ["config missing", "OCI_FIELD", (v) => ({ ...v, config: undefined })],
  [
    "layers spelt with a long s",
    "OCI_FIELD",
    (v) => ({ ...v, "layer\u017f": [] }),
  ],
  ["layers not a list", "OCI_FIELD", (v) => ({ ...v, layers: { length: 1 } })],
  ["negative size", "OCI_FIELD", (v) => ({ ...v, config: { ...sampleManifest.config, size: -1 } })],
  ["size as text", "OCI_FIELD", (v) => ({ ...v, config: { ...(v["config"] as object), size: "2" } })],
  ["size beyond 2^53", "OCI_FIELD", (v) => ({ ...v, config: { ...(v["config"] as object), size: 2 ** 60 } })],
  [
    "digest that is a path",
    "OCI_FIELD",
    (v) => ({ ...v, config: { ...(v["config"] as object), digest: "sha256:../../x" } }),
  ],
  [
    "digest in capitals",
    "OCI_FIELD",
    (v) => ({ ...v, config: { ...(v["config"] as object), digest: digestOf("").toUpperCase() } }),
  ],
  [
    "sha512",
    "OCI_FIELD",
    (v) => ({ ...v, config: { ...(v["config"] as object), digest: `sha512:${"0".repeat(128)}` } }),
  ],
  [
    "media type with a line feed",
    "OCI_FIELD",
    (v) => ({ ...v, config: { ...(v["config"] as object), mediaType: "a/b\nc" } }),
  ],
  ["too many layers", "OCI_FIELD", (v) => ({ ...v, layers: Array(1001).fill(v["config"]) })],
  ["annotations that are numbers", "OCI_FIELD", (v) => ({ ...v, annotations: { a: 1 } })],
  ["annotations of 1 MB", "OCI_FIELD", (v) => ({ ...v, annotations: { a: "x".repeat(1 << 20) } })],
  ["a list", "OCI_FIELD", (v) => [v]],
  ["null", "OCI_FIELD", () => null],
  ["keys twice", "OCI_JSON", (v) => JSON.stringify(v).replace('"layers"', '"layers":[],"layers"')],
  ["keys twice, once escaped", "OCI_JSON", (v) => JSON.stringify(v).replace('"layers"', '"\\u006cayers":[],"layers"')],
  ["truncated", "OCI_JSON", (v) => JSON.stringify(v).slice(0, -1)],
  ["trailing text", "OCI_JSON", (v) => `${JSON.stringify(v)}{}`],
  ["byte order mark", "OCI_JSON", (v) => `\ufeff${JSON.stringify(v)}`],
  ["depth 10^5", "OCI_JSON", () => "[".repeat(100_000)],
  ["larger than 4 MiB", "OCI_LIMIT", () => " ".repeat(ociLimits.documentBytesMax + 1)],
];

for (const [what, code, change] of refused) {
  test(`parseManifest refuses ${what}`, () => {
    assert.throws(
      () => parseManifest(bytesOf(change(base())), mediaTypes.manifest),
      (error) => isAshlarError(error, code),
    );
  });
}

test("parseManifest refuses bytes that are not UTF-8", () => {
  const bytes = Buffer.concat([encodeManifest(sampleManifest), Buffer.from([0xff])]);
  assert.throws(() => parseManifest(bytes), (error) => isAshlarError(error, "OCI_JSON"));
});

test("parseIndex refuses a document with layers, and one with 10^5 manifests", () => {
  const value = JSON.parse(Buffer.from(encodeIndex(sampleIndex)).toString()) as Record<string, unknown>;
  for (const key of ["layers", "config"]) {
    assert.throws(() => parseIndex(bytesOf({ ...value, [key]: [] })), (error) => isAshlarError(error, "OCI_FIELD"));
  }
  const many = Array(10_001).fill({ mediaType: "a/b", digest: digestOf(""), size: 0 });
  const bytes = bytesOf({ ...value, manifests: many });
  assert.throws(() => parseIndex(bytes), isAshlarError);
});

test("parseManifest keeps an annotation called __proto__ as data", () => {
  const text = JSON.stringify(base()).replace('"annotations":{', '"annotations":{"__proto__":"x",');
  const manifest = parseManifest(bytesOf(text));
  assert.equal(Object.getPrototypeOf(manifest.annotations), Object.prototype);
  assert.ok(Buffer.from(encodeManifest(manifest)).toString().includes('"__proto__":"x"'));
});

test("layerCompression knows OCI's and docker's layers and refuses foreign ones", () => {
  assert.equal(layerCompression(mediaTypes.layerZstd), "zstd");
  assert.equal(layerCompression("application/vnd.docker.image.rootfs.diff.tar.gzip"), "gzip");
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  assert.throws(() => layerCompression(foreign), (error) => isAshlarError(error, "OCI_MEDIA_TYPE"));
});

test("each fuzz target accepts its own seeds", () => {
  for (const target of fuzzTargets) for (const seed of target.seeds()) target.run(seed);
});
