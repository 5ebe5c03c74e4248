// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { unavailable } from "./backend.ts";
import { missing } from "./testing/place.ts";

test("unavailable says for each backend why not, what to install, and what needs none of it", () => {
  const error = unavailable(["crun is not installed", "newuidmap is not installed"], ["crun", "uidmap"]);
  assert.equal(error.code, "SANDBOX_UNAVAILABLE");
  assert.equal(error.hint, "run: apt install crun uidmap; `install: unpack` needs none");
  assert.deepEqual(error.because, ["crun is not installed", "newuidmap is not installed"]);
});

test("a user without sub-ids is told so before anything runs", { skip: missing("crun") }, () => {
  const file = join(import.meta.dirname, "backend.ts");
  const script = `import { findBackends } from ${JSON.stringify(file)};
    try { findBackends("rootless"); } catch (error) { console.log(error.code, error.because.join("; ")); }`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  const user = ["--reuid", "54321", "--regid", "54321", "--clear-groups"];
  const { stdout } = spawnSync("setpriv", [...user, ...node], { encoding: "utf8", cwd: "/" });
  assert.match(stdout, /^SANDBOX_UNAVAILABLE .*\/etc\/subuid gives this user no range of 65536 numbers/);
});
