// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeFixture } from "../fixture.ts";
import { forms, type Golden, goldenPath } from "../golden/golden.ts";
import { build, makePlace } from "../run-build.ts";

// Builds the fixture with another release of Node, whose zlib, V8 and ICU are others, and wants the golden
// digests. `sh tools/run test/long/node-versions.ts [VERSION]`; ASHLAR_NODE26 names a Node that is here already.

const version = process.argv[2] ?? "26.10.0";

function installNode(dir: string): string {
  const known = process.env["ASHLAR_NODE26"];
  if (known !== undefined && existsSync(known)) return known;
  const name = `node-linux-${process.arch}`;
  const npm = ["install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--force", `${name}@${version}`];
  execFileSync("npm", npm, { stdio: ["ignore", "ignore", "inherit"] });
  return join(dir, "node_modules", name, "bin/node");
}

const golden = JSON.parse(readFileSync(goldenPath, "utf8")) as Golden;
const fixture = await makeFixture();
const dir = mkdtempSync(join(tmpdir(), "ashlar-node-"));
try {
  for (const node of [process.execPath, installNode(dir)]) {
    const versions = execFileSync(node, ["-p", "JSON.stringify(process.versions)"], { encoding: "utf8" });
    const { node: found, zlib, zstd, icu } = JSON.parse(versions) as Record<string, string>;
    const place = makePlace(fixture);
    try {
      for (const form of forms) {
        assert.deepEqual(await build(place, { node, args: [`--compression=${form}`] }), golden.images[form], form);
      }
      console.log(`Node ${found} (zlib ${zlib}, zstd ${zstd}, icu ${icu}): the golden digests in ${forms.join(", ")}`);
    } finally {
      rmSync(place.base, { recursive: true, force: true });
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
