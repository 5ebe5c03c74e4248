// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { annotationKeys, mediaTypes, parseConfig, parseIndex, parseManifest, parsePlatform } from "../oci/index.ts";
import { type ImageOptions, makeImage, type NamedLayer } from "./make-image.ts";
import { makeIndex } from "./make-index.ts";

function layer(text: string, mediaType: string): NamedLayer {
  const blob = Buffer.from(`${mediaType} ${text}`);
  return {
    descriptor: { mediaType, digest: digestOf(blob), sizeBytes: blob.length, annotations: { kind: text } },
    diffId: digestOf(text),
    createdBy: `ashlar: ${text}`,
    async *open() {
      yield blob;
    },
  };
}

function options(mediaType: string, change: Partial<ImageOptions> = {}): ImageOptions {
  return {
    platform: parsePlatform("linux/arm/v7"),
    layers: [layer("base", mediaType), layer("app", mediaType)],
    createdSeconds: 1_750_000_000,
    compressor: "zstd-wasm@1",
    baseName: "debian:bookworm",
    lifecycle: { eol: "2028-06-30", successor: "next" },
    config: {
      entrypoint: ["/usr/sbin/nginx"],
      cmd: ["-g", "daemon off;"],
      env: { Z: "1", A: "x=y" },
      user: "www-data",
      workdir: "/srv",
      ports: ["80/tcp", "443/tcp"],
      volumes: ["/data"],
      labels: { b: "2", a: "1" },
      stopSignal: "SIGQUIT",
      author: "A. Mason",
      healthcheck: { test: ["CMD", "/ok"], intervalMs: 5000, timeoutMs: 1500, startPeriodMs: 0, retries: 3 },
    },
    ...change,
  };
}

test("makeImage writes every field of the spec's config", () => {
  const image = makeImage(options(mediaTypes.layerZstd));
  assert.deepEqual(parseConfig(image.config), {
    created: "2025-06-15T15:06:40Z",
    author: "A. Mason",
    platform: { os: "linux", architecture: "arm", variant: "v7" },
    config: {
      user: "www-data",
      exposedPorts: ["443/tcp", "80/tcp"],
      env: ["A=x=y", "Z=1"],
      entrypoint: ["/usr/sbin/nginx"],
      cmd: ["-g", "daemon off;"],
      healthcheck: { test: ["CMD", "/ok"], intervalNs: 5e9, timeoutNs: 1.5e9, startPeriodNs: 0, retries: 3 },
      volumes: ["/data"],
      workingDir: "/srv",
      labels: { a: "1", b: "2" },
      stopSignal: "SIGQUIT",
    },
    diffIds: [digestOf("base"), digestOf("app")],
    history: [
      { created: "2025-06-15T15:06:40Z", createdBy: "ashlar: base" },
      { created: "2025-06-15T15:06:40Z", createdBy: "ashlar: app" },
    ],
  });
});

test("makeImage's manifest names config and layers, compressor, base and end of life", () => {
  const image = makeImage(options(mediaTypes.layerZstd));
  const manifest = parseManifest(image.manifest, mediaTypes.manifest);
  assert.equal(manifest.config.digest, digestOf(image.config));
  assert.deepEqual(manifest.layers, image.layers.map((item) => item.descriptor));
  assert.deepEqual(manifest.annotations, {
    [annotationKeys.compressor]: "zstd-wasm@1",
    [annotationKeys.endOfLife]: "2028-06-30",
    [annotationKeys.successor]: "next",
    [annotationKeys.baseName]: "debian:bookworm",
    [annotationKeys.created]: "2025-06-15T15:06:40Z",
  });
  assert.equal(image.manifestDescriptor.digest, digestOf(image.manifest));
});

test("makeImage gives one image ID in all compressions, and the same bytes for another order of keys", () => {
  const zstd = makeImage(options(mediaTypes.layerZstd));
  const gzip = makeImage(options(mediaTypes.layerGzip, { compressor: "pako" }));
  assert.deepEqual(zstd.config, gzip.config);
  assert.notDeepEqual(zstd.manifest, gzip.manifest);
  const { config } = options(mediaTypes.layerZstd);
  const turned = { ...config, env: { A: "x=y", Z: "1" }, labels: { a: "1", b: "2" } };
  assert.deepEqual(makeImage(options(mediaTypes.layerZstd, { config: turned })).manifest, zstd.manifest);
});

test("makeImage writes no empty fields for an image without a config", () => {
  const image = makeImage(
    options(mediaTypes.layer, { config: { env: {}, ports: [] }, lifecycle: {}, baseName: undefined }),
  );
  assert.match(Buffer.from(image.config).toString(), /"config":\{\},"rootfs"/);
  assert.doesNotMatch(Buffer.from(image.manifest).toString(), /eol|base\.name/);
});

test("makeIndex orders by platform, whatever order the images come in", () => {
  const images = ["linux/arm64", "linux/amd64"].map(
    (text) => makeImage(options(mediaTypes.layer, { platform: parsePlatform(text) })),
  );
  const index = makeIndex(images);
  assert.deepEqual(index, makeIndex([...images].reverse()));
  const platforms = parseIndex(index.index, mediaTypes.index).manifests.map((item) => item.platform?.architecture);
  assert.deepEqual(platforms, ["amd64", "arm64"]);
});
