// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { dir, file } from "../src/registry/testing/sample-image.ts";
import { writeStorage } from "../src/registry/testing/storage-dir.ts";
import { ashlar, type Ended } from "./programs.ts";

const root = mkdtempSync(join(tmpdir(), "ashlar-engine-"));
after(() => rmSync(root, { recursive: true }));
const stored = writeStorage(
  join(root, "storage"),
  [[dir("etc"), file("etc/os-release", "ID=sample\n")], [dir("etc"), file("etc/note", "from podman\n")]],
);
const cli = (...args: string[]): Ended => ashlar(join(root, "store"), args);
const place = `containers-storage:[${stored.root}]app`;

test("an image of podman's storage is looked at, imported and copied with the same image ID", () => {
  assert.match(cli("inspect", place).out, new RegExp(`^image id +sha256:${stored.id}$`, "m"));
  const imported = cli("import", place, "--platform", "linux/amd64");
  assert.equal(imported.status, 0, imported.err);
  assert.match(imported.out, /^app@sha256:\w{64}\n$/);
  assert.equal(cli("cat", "app", "/etc/note").out, "from podman\n");
  assert.equal(cli("diff", place, "app", "--exit-code").status, 0);
  const copied = cli("copy", place, `oci:${join(root, "layout")}:1`);
  assert.equal(copied.status, 0, copied.err);
  assert.equal(cli("diff", place, `oci:${join(root, "layout")}`, "--exit-code").status, 0);
});

test("podman's storage without a directory named is the user's, and it is never written to", () => {
  const env = { HOME: join(root, "home"), XDG_DATA_HOME: "", XDG_CONFIG_HOME: "", CONTAINERS_STORAGE_CONF: "/none" };
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    assert.match(cli("inspect", "containers-storage:app").err, /containers-storage "\/.*\/containers\/storage"/);
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
  assert.match(cli("copy", place, place).err, /error\[REGISTRY_READ_ONLY\].*\n.*ashlar load IMAGE --into podman/);
  const output = cli("build", root, "--output", place);
  assert.equal(output.status, 2);
  assert.match(output.err, /error\[USAGE_OUTPUT\].*\n.*ashlar load IMAGE --into podman/);
});
