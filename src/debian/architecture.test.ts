// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { debianArchitecture, multiarchTuple } from "./architecture.ts";
import { hasTool, run } from "./testing/dpkg.ts";

const platforms: readonly (readonly [string, string])[] = [
  ["linux/amd64", "amd64"],
  ["linux/arm64", "arm64"],
  ["linux/arm64/v8", "arm64"],
  ["linux/arm/v7", "armhf"],
  ["linux/arm/v5", "armel"],
  ["linux/arm/v6", "armel"],
  ["linux/386", "i386"],
  ["linux/ppc64le", "ppc64el"],
  ["linux/s390x", "s390x"],
  ["linux/riscv64", "riscv64"],
  ["linux/mips64le", "mips64el"],
];

test("debianArchitecture maps OCI platforms", () => {
  for (const [platform, name] of platforms) assert.equal(debianArchitecture(platform), name);
  for (const platform of ["linux/arm/v4", "windows/amd64", "amd64", "", "__proto__", "constructor"]) {
    assert.throws(
      () => debianArchitecture(platform),
      (error) => isAshlarError(error, "DEBIAN_PLATFORM_UNKNOWN"),
    );
  }
});

test("multiarchTuple gives what dpkg-architecture gives", (t) => {
  assert.equal(multiarchTuple("linux/amd64"), "x86_64-linux-gnu");
  if (!hasTool(t, "dpkg-architecture")) return;
  for (const [platform, name] of platforms) {
    const tuple = run("dpkg-architecture", ["-f", "-a", name, "-q", "DEB_HOST_MULTIARCH"]).toString().trim();
    assert.equal(multiarchTuple(platform), tuple);
  }
});
