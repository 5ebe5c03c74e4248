// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { freshStore, missing } from "./testing/place.ts";

const child = join(import.meta.dirname, "testing", "kill-child.ts");

/** Processes with this text in their command line. */
function withMark(mark: string): number {
  let count = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || name === `${process.pid}`) continue;
    try {
      if (readFileSync(`/proc/${name}/cmdline`, "latin1").includes(mark)) count++;
    } catch {
      continue;
    }
  }
  return count;
}

for (const backend of ["crun", "runc", "bwrap"] as const) {
  test(
    `${backend}: of a run whose Ashlar is killed nothing lives on, and gc takes its files`,
    { skip: missing(backend) },
    async () => {
      const store = await freshStore();
      const mounts = readFileSync("/proc/self/mountinfo", "utf8");
      const mark = `98${process.pid}.25`;
      const args = ["--disable-warning=ExperimentalWarning", child, dirname(store.tmpDir), backend, mark];
      const ashlar = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      await once(ashlar.stdout, "data");
      assert.ok(withMark(mark) >= 3, "the child, and two in the sandbox");
      ashlar.kill("SIGKILL");
      await once(ashlar, "exit");
      for (let i = 0; i < 100 && withMark(mark) > 0; i++) await delay(50);
      assert.equal(withMark(mark), 0);
      assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), mounts);
      assert.equal(readdirSync(store.tmpDir).filter((name) => name.startsWith("sandbox-")).length, 1);
      store.gc({});
      assert.deepEqual(readdirSync(store.tmpDir), []);
    },
  );
}
