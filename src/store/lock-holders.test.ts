// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import type { AshlarError } from "../base/index.ts";
import { openStore } from "./disk-store.ts";
import { parseLocks } from "./lock-holders.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();

test("parseLocks takes holders of POSIX locks on one inode, each once, and nobody who waits", () => {
  const text = [
    "1: POSIX  ADVISORY  WRITE 812 fe:00:99 1073741824 1073741824",
    "2: POSIX  ADVISORY  READ 7 fe:00:99 1073741826 1073742335",
    "3: POSIX  ADVISORY  READ 7 fe:00:99 0 EOF",
    "3: -> POSIX  ADVISORY  WRITE 13 fe:00:99 0 EOF",
    "4: FLOCK  ADVISORY  WRITE 14 fe:00:99 0 EOF",
    "5: POSIX  ADVISORY  READ 15 fe:00:991 0 EOF",
    "6: OFDLCK ADVISORY  READ -1 fe:00:99 0 EOF",
    "",
  ].join("\n");
  assert.deepEqual(parseLocks(text, 99n), [7, 812]);
});

test("who keeps gc away is named: the process and its command", async (t) => {
  if (!existsSync("/proc/locks")) return t.skip("needs /proc/locks");
  const dir = freshDir();
  const store = openStore(dir);
  const child = spawn(process.execPath, [join(import.meta.dirname, "testing/store-child.ts"), "hang", dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    assert.throws(() => store.gc({}), (error: AshlarError) => {
      assert.equal(error.code, "STORE_BUSY");
      assert.deepEqual(error.because, [`process ${child.pid} (node store-child.ts hang ${dir.split("/").at(-1)})`]);
      return true;
    });
  } finally {
    child.kill("SIGKILL");
    store.close();
  }
});
