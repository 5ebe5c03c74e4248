// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { encodeConfig, parseConfig, verifyLayerCount } from "./image-config.ts";
import { sampleConfig } from "./testing/samples.ts";

const json = (): Record<string, unknown> => JSON.parse(Buffer.from(encodeConfig(sampleConfig)).toString()) as never;

test("encodeConfig writes the standard's key order, and parseConfig reads it back", () => {
  assert.deepEqual(Object.keys(json()), [
    "created", "author", "architecture", "os", "os.version", "variant", "config", "rootfs", "history",
  ]);
  assert.deepEqual(parseConfig(encodeConfig(sampleConfig)), sampleConfig);
});

test("parseConfig takes null for absent, as docker writes it", () => {
  const text = '{"architecture":"amd64","os":"linux","config":{"Env":null,"Cmd":null,"Volumes":null,"Labels":null},' +
    '"rootfs":{"type":"layers","diff_ids":null},"history":null,"docker_version":"1"}';
  const config = parseConfig(Buffer.from(text));
  assert.deepEqual(config, { platform: { os: "linux", architecture: "amd64" }, config: {}, diffIds: [], history: [] });
});

const refused: readonly (readonly [string, object])[] = [
  ["a diff_id that is a path", { rootfs: { type: "layers", diff_ids: ["sha256:../x"] } }],
  ["another rootfs type", { rootfs: { type: "base", diff_ids: [] } }],
  ["no os", { os: undefined }],
  ["an Env that is an object", { config: { Env: { A: "b" } } }],
  ["an entrypoint in lower case, which Go reads as Entrypoint", { config: { entrypoint: ["/bin/evil"] } }],
  ["a list of volumes", { config: { Volumes: ["/x"] } }],
  ["history that is a text", { history: "x" }],
];

for (const [what, change] of refused) {
  test(`parseConfig refuses ${what}`, () => {
    const bytes = Buffer.from(JSON.stringify({ ...json(), ...change }));
    assert.throws(() => parseConfig(bytes), (error) => isAshlarError(error, "OCI_FIELD"));
  });
}

test("verifyLayerCount refuses a manifest with more layers than diff_ids", () => {
  verifyLayerCount(sampleConfig, 2);
  assert.throws(() => verifyLayerCount(sampleConfig, 3), (error) => isAshlarError(error, "OCI_LAYER_COUNT"));
});
