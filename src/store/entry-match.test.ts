// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type BigIntStats, chmodSync, lstatSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { parsePath } from "../base/index.ts";
import type { CheckoutHost } from "./checkout.ts";
import { EntryMatch } from "./entry-match.ts";
import { inodeKey } from "./inode-key.ts";
import { memoryStore } from "./memory-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, symlinkEntry } from "./testing/sample.ts";
import type { UpdateOptions } from "./update.ts";

const freshDir = freshDirs();

/** An update of a checkout by links, in which an entry is and is one of the store's links. */
function matchOf(dir: string, name: string): { readonly match: () => EntryMatch; readonly stats: BigIntStats } {
  const stats = lstatSync(join(dir, name), { bigint: true });
  const host = { inodesOf: () => new Set([inodeKey(stats)]) } as unknown as CheckoutHost;
  const known = { finishedNs: "0", mode: "link" } as UpdateOptions["known"];
  return { match: () => new EntryMatch(host, { dir, known, mode: "link", devices: undefined }), stats };
}

/** The same inode number on another file system, as in a subvolume of btrfs. */
function elsewhere(stats: BigIntStats): BigIntStats {
  return Object.assign(Object.create(stats) as BigIntStats, { dev: stats.dev + 1n });
}

test("EntryMatch takes no inode of another file system for one of the store's", () => {
  const dir = freshDir();
  mkdirSync(dir);
  symlinkSync("target", join(dir, "link"));
  const { match, stats } = matchOf(dir, "link");
  const entry = symlinkEntry("link", "target");
  assert.equal(match().isAs(entry, elsewhere(stats)), false);
  assert.equal(match().isAs(entry, stats), true);
});

test("EntryMatch takes no file of another file system for a further name of one that stays", () => {
  const dir = freshDir();
  mkdirSync(dir);
  const entry = fileEntry(memoryStore(), "a", Buffer.from("text"));
  writeFileSync(join(dir, "a"), "text");
  chmodSync(join(dir, "a"), entry.mode);
  utimesSync(join(dir, "a"), entry.mtimeSeconds, entry.mtimeSeconds);
  const { match, stats } = matchOf(dir, "a");
  const { mode, uid, gid, mtimeSeconds } = entry;
  const name = { type: "hardlink", path: parsePath("b"), target: entry.path, mode, uid, gid, mtimeSeconds } as const;
  const one = match();
  assert.equal(one.isAs(entry, stats), true);
  assert.equal(one.isAs(name, elsewhere(stats)), false);
  assert.equal(one.isAs(name, stats), true);
});
