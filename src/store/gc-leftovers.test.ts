// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

// A step that made symlinks to directories and was killed with Ashlar leaves them in `tmp`.
test("gc, fsck and stats follow no symlink out of the store, whatever a killed sandbox left behind", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const outside = join(dirname(dir), "outside");
  mkdirSync(join(outside, "deep"), { recursive: true });
  writeFileSync(join(outside, "deep/precious"), "precious");
  const upper = join(store.tmpDir, "sandbox-1-0/upper/etc");
  mkdirSync(upper, { recursive: true });
  symlinkSync(outside, join(upper, "to-the-host"));
  symlinkSync(outside, join(dir, "downloads/sha256/aa"));
  symlinkSync(outside, join(store.tmpDir, "direct"));
  assert.equal(store.stats().downloads, 0);
  assert.equal(store.gc({ dryRun: true }).removedDownloads, 0);
  assert.deepEqual(store.fsck({ full: true, repair: true }).faults, []);
  store.gc({});
  assert.equal(readFileSync(join(outside, "deep/precious"), "utf8"), "precious");
  assert.deepEqual(readdirSync(store.tmpDir), []);
  assert.equal(existsSync(outside), true);
  store.close();
});
