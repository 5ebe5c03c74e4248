// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { ImageConfig, RunConfig } from "../oci/index.ts";
import { diffConfigs } from "./diff-configs.ts";

function config(run: RunConfig, change: Partial<ImageConfig> = {}): ImageConfig {
  return { platform: { os: "linux", architecture: "amd64" }, config: run, diffIds: [], history: [], ...change };
}

test("diffConfigs names variables, labels, ports and volumes one by one", () => {
  const before = config(
    { env: ["PATH=/bin", "A=1"], labels: { x: "1" }, exposedPorts: ["80/tcp"], volumes: ["/data"] },
  );
  const after = config(
    { env: ["A=1", "PATH=/usr/bin", "B="], labels: { x: "2" }, exposedPorts: ["443/tcp"], volumes: ["/data"] },
  );
  assert.deepEqual(diffConfigs(before, after), [
    { field: "env B", after: "" },
    { field: "env PATH", before: "/bin", after: "/usr/bin" },
    { field: "label x", before: "1", after: "2" },
    { field: "port 443/tcp", after: true },
    { field: "port 80/tcp", before: true },
  ]);
});

test("diffConfigs compares single fields, platform and health check", () => {
  const before = config({ entrypoint: ["/a"], user: "0", healthcheck: { test: ["NONE"] } });
  const after = config(
    { entrypoint: ["/a", "b"], workingDir: "/" },
    { platform: { os: "linux", architecture: "arm64" } },
  );
  assert.deepEqual(diffConfigs(before, after).map((change) => change.field), [
    "entrypoint", "healthcheck", "platform", "user", "workingDir",
  ]);
  assert.deepEqual(diffConfigs(before, before), []);
});
