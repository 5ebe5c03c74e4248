// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { type ImageConfig, parseConfig, parsePlatform, type RunConfig } from "../oci/index.ts";
import { inheritConfig } from "./inherit-config.ts";
import { makeConfig } from "./make-config.ts";

const base: RunConfig = {
  user: "www",
  exposedPorts: ["80/tcp"],
  env: ["PATH=/bin", "A=1", "EMPTY"],
  entrypoint: ["/bin/sh", "-c"],
  cmd: ["true"],
  healthcheck: { test: ["CMD", "ok"] },
  volumes: ["/data"],
  workingDir: "/srv",
  labels: { a: "1", b: "1" },
  stopSignal: "SIGINT",
};

const cases: readonly (readonly [what: string, own: RunConfig, wanted: RunConfig])[] = [
  ["everything where nothing is set", {}, base],
  [
    "no command with another entrypoint",
    { entrypoint: ["/app"] },
    { ...base, entrypoint: ["/app"], cmd: undefined },
  ],
  ["the entrypoint with another command", { cmd: ["false"] }, { ...base, cmd: ["false"] }],
  [
    "variables by name, in the base's places",
    { env: ["A=2", "EMPTY=3", "Z=4"] },
    { ...base, env: ["PATH=/bin", "A=2", "EMPTY=3", "Z=4"] },
  ],
  ["labels by name", { labels: { b: "2", c: "3" } }, { ...base, labels: { a: "1", b: "2", c: "3" } }],
  [
    "ports and volumes of both",
    { exposedPorts: ["443/tcp", "80/tcp"], volumes: ["/more"] },
    { ...base, exposedPorts: ["443/tcp", "80/tcp"], volumes: ["/data", "/more"] },
  ],
  [
    "no single field that is set",
    { user: "0", workingDir: "/", stopSignal: "SIGTERM", healthcheck: { test: ["NONE"] } },
    { ...base, user: "0", workingDir: "/", stopSignal: "SIGTERM", healthcheck: { test: ["NONE"] } },
  ],
];

for (const [what, own, wanted] of cases) {
  test(`inheritConfig inherits ${what}`, () => assert.deepEqual(inheritConfig(base, own), wanted));
}

test("inheritConfig of nothing sets nothing", () => {
  assert.deepEqual(
    Object.values(inheritConfig({}, {})).filter((value) => value !== undefined),
    [],
  );
});

const diffIds = [digestOf("1"), digestOf("2")];
const below: ImageConfig = {
  created: "2025-05-05T05:05:05.123456789Z",
  author: "somebody",
  platform: { os: "linux", architecture: "arm64", variant: "v8", osVersion: "1" },
  config: {},
  diffIds,
  history: [
    { created: "2025-05-05T05:05:05Z", createdBy: "ADD file", comment: "kept" },
    { createdBy: "ENV A=1", emptyLayer: true },
    { createdBy: "RUN x", author: "else" },
  ],
};

function made(change: Partial<ImageConfig> = {}): ImageConfig {
  const layers = [...diffIds, digestOf("ours")].map((diffId) => ({ diffId, createdBy: "ashlar: app" }));
  const options = { config: {}, platform: parsePlatform("linux/arm64"), layers, createdSeconds: 0 };
  return parseConfig(makeConfig({ ...options, base: { ...below, ...change } }));
}

test("makeConfig keeps a base's history for its layers, its author and its platform to the variant", () => {
  const { history, author, platform } = made();
  assert.deepEqual(history, [
    ...below.history,
    { created: "1970-01-01T00:00:00Z", createdBy: "ashlar: app" },
  ]);
  assert.equal(author, "somebody");
  assert.deepEqual(platform, below.platform);
});

test("makeConfig writes a history that fits the layers where the base's does not", () => {
  for (const history of [[], below.history.slice(1)]) {
    const steps = made({ history }).history;
    assert.equal(steps.filter((step) => step.emptyLayer !== true).length, 3);
    assert.equal(steps[0]?.createdBy, `layer ${diffIds[0]}`);
  }
});
