// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { Project } from "../build/index.ts";
import { freshDirs } from "../store/testing/fresh-dir.ts";
import { hasCode } from "../store/testing/sample.ts";
import { buildOrigin, runOrigin } from "./origin.ts";
import type { Shell } from "./shell.ts";

const freshDir = freshDirs();

function shellIn(dir: string): Shell {
  const unused = (): never => assert.fail("nothing is to be said");
  return { env: {}, cwd: dir, nowSeconds: 0, out: unused, err: unused, errIsTerminal: false, columns: 80 };
}

for (const origin of [
  ["PATH=/evil", "pull", "registry.example/a@sha256:00"],
  ["store", "share", "/somewhere"],
  ["push", "app", "registry.example/a"],
  [],
]) {
  test(`runOrigin refuses "${origin.join(" ")}"`, async () => {
    const dir = freshDir();
    await assert.rejects(runOrigin(shellIn(dir), origin, { store: dir }), hasCode("STORE_ORIGIN"));
  });
}

test("runOrigin runs nothing that names of a shared store say", async () => {
  const dir = freshDir();
  mkdirSync(dir);
  writeFileSync(join(dir, "sharing"), "");
  const origin = ["pull", `registry.example/a@sha256:${"0".repeat(64)}`];
  await assert.rejects(runOrigin(shellIn(dir), origin, { store: dir }), hasCode("STORE_ORIGIN"));
});

test("buildOrigin says where secrets are, from whatever directory, and not what they are", () => {
  const dir = freshDir();
  mkdirSync(dir);
  writeFileSync(join(dir, "key"), "hunter2");
  const shell = { ...shellIn(dir), env: { TOKEN: "hunter2" } };
  const project = { dir, specPath: join(dir, "ashlar.yaml") } as Project;
  const secret = ["a=./key", `b=${join(dir, "key")}`, "c=env:TOKEN", "d=../d=1"];
  const options = { store: freshDir(), compression: "zstd:chunked", secret } as const;
  const words = buildOrigin(shell, { project, options, platforms: undefined })?.(undefined) ?? [];
  assert.deepEqual(words, [
    ...["build", join(dir, "ashlar.yaml"), "--frozen"],
    ...["--secret", `a=${join(dir, "key")}`, "--secret", `b=${join(dir, "key")}`],
    ...["--secret", "c=env:TOKEN", "--secret", `d=${join(dir, "../d=1")}`],
  ]);
});
