// SPDX-License-Identifier: Apache-2.0
import { digestOf } from "../../base/index.ts";
import type { Descriptor } from "../descriptor.ts";
import type { ImageConfig } from "../image-config.ts";
import type { Index, Manifest } from "../manifest.ts";
import { mediaTypes } from "../media-types.ts";

function descriptor(mediaType: string, text: string): Descriptor {
  return { mediaType, digest: digestOf(text), sizeBytes: text.length };
}

/** A manifest that uses every field. */
export const sampleManifest: Manifest = {
  mediaType: mediaTypes.manifest,
  artifactType: "application/x.sample",
  config: descriptor(mediaTypes.config, "config"),
  layers: [
    { ...descriptor(mediaTypes.layerZstd, "a"), annotations: { "a.b": "1", z: "2" } },
    descriptor(mediaTypes.layerGzip, "bb"),
  ],
  subject: descriptor(mediaTypes.manifest, "subject"),
  annotations: { "org.example.note": "said \u00e9" },
};

export const sampleIndex: Index = {
  mediaType: mediaTypes.index,
  manifests: [
    { ...descriptor(mediaTypes.manifest, "m1"), platform: { os: "linux", architecture: "amd64" } },
    { ...descriptor(mediaTypes.manifest, "m2"), platform: { os: "linux", architecture: "arm", variant: "v6" } },
  ],
  annotations: { a: "b" },
};

/** A config that uses every field. */
export const sampleConfig: ImageConfig = {
  created: "2026-01-02T03:04:05Z",
  author: "A. Mason",
  platform: { os: "linux", architecture: "arm64", variant: "v8", osVersion: "6" },
  config: {
    user: "33:33",
    exposedPorts: ["443/tcp", "80/tcp"],
    env: ["PATH=/usr/bin", "A=b=c"],
    entrypoint: ["/bin/x"],
    cmd: ["-v", ""],
    healthcheck: {
      test: ["CMD", "/bin/ok"],
      intervalNs: 5e9,
      timeoutNs: 1e9,
      startPeriodNs: 0,
      startIntervalNs: 1,
      retries: 3,
    },
    volumes: ["/data"],
    workingDir: "/srv",
    labels: { "a.b": "c" },
    stopSignal: "SIGQUIT",
  },
  diffIds: [digestOf("one"), digestOf("two")],
  history: [
    { created: "2026-01-02T03:04:05Z", createdBy: "ashlar: base", author: "A", comment: "c" },
    { createdBy: "ENV", emptyLayer: true },
  ],
};
