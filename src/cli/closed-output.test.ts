// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";

const program = join(import.meta.dirname, "../../ashlar");

test("a result that nobody reads ends quietly, as by SIGPIPE", async () => {
  const child = spawn(program, ["--help"], { stdio: ["ignore", "pipe", "pipe"] });
  // Long before it writes: a process takes longer to start.
  child.stdout.destroy();
  const said = text(child.stderr);
  assert.deepEqual(await once(child, "exit"), [141, null]);
  assert.equal(await said, "");
});

test("a usage error is one although nobody reads it", async () => {
  const child = spawn(program, ["no-such-verb"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.destroy();
  assert.deepEqual(await once(child, "exit"), [2, null]);
});

test("a result that cannot be written is an error", { skip: existsSync("/dev/full") ? false : "no /dev/full" }, () => {
  const { status, stderr } = spawnSync("sh", ["-c", '"$0" --help > /dev/full', program], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /^error\[HOST_DISK_FULL\]: Cannot write "\/dev\/stdout": no space left on device/);
});
