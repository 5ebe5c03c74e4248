// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { comparePlatforms, formatPlatform, parsePlatform } from "./platform.ts";
import { selectPlatform } from "./select-platform.ts";
import { sampleIndex } from "./testing/samples.ts";

// Spellings as containerd's platforms package normalises them.
const spellings: readonly (readonly [text: string, normal: string])[] = [
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/amd64/v1", "linux/amd64"],
  ["linux/amd64/v3", "linux/amd64/v3"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/aarch64", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/armhf", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["Linux/S390X", "linux/s390x"],
];

for (const [text, normal] of spellings) {
  test(`parsePlatform reads ${text} as ${normal}`, () => assert.equal(formatPlatform(parsePlatform(text)), normal));
}

test("parsePlatform refuses what is not os/architecture", () => {
  for (const text of ["", "amd64", "linux/", "/amd64", "linux/arm/v7/x", "linux/../x", "linux/a b"]) {
    assert.throws(() => parsePlatform(text), (error) => isAshlarError(error, "OCI_PLATFORM"), text);
  }
});

test("comparePlatforms takes arm64/v8 for arm64", () => {
  assert.equal(
    comparePlatforms({ os: "linux", architecture: "arm64", variant: "v8" }, parsePlatform("linux/arm64")),
    0,
  );
  assert.notEqual(comparePlatforms(parsePlatform("linux/arm/v6"), parsePlatform("linux/arm/v7")), 0);
});

test("selectPlatform takes an equal platform, a lower arm variant, or says what there is", () => {
  assert.equal(selectPlatform(sampleIndex, parsePlatform("linux/amd64")), sampleIndex.manifests[0]);
  assert.equal(selectPlatform(sampleIndex, parsePlatform("linux/arm/v7")), sampleIndex.manifests[1]);
  assert.throws(
    () => selectPlatform(sampleIndex, parsePlatform("linux/arm/v5")),
    (error) => isAshlarError(error, "OCI_PLATFORM_MISSING") && error.message.includes("linux/amd64, linux/arm/v6"),
  );
});
