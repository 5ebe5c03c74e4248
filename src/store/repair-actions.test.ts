// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { type Digest, digestOf, type Json } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import type { Action, Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, put } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const action = (name: string): Action => ({ operation: name, version: 1, inputs: [] });

/** Remembers a result by each way in which it may need a content. */
function remember(store: Store, name: string, text: string): void {
  const content = put(store, text)[0]?.digest as Digest;
  const tree = store.putTree(makeTree([fileEntry(store, "a", Buffer.from(text))]));
  const record = store.putRecord(`record of ${name}`, { trees: [tree] });
  const outer = store.putRecord(`outer of ${name}`, { records: [record] });
  const keep = (way: string, reaches: object): void => {
    store.putAction(action(`${name} ${way}`), { value: way as Json, reaches });
  };
  keep("content", { contents: [content] });
  keep("tree", { trees: [tree] });
  keep("record", { records: [outer] });
}

function known(store: Store, name: string): string[] {
  return ["content", "tree", "record"].filter((way) => store.getAction(action(`${name} ${way}`)) !== undefined);
}

/** Changes the frame of a content in the file of the pack where it lies; returns the pack. */
function damage(dir: string, store: Store, text: string): string {
  const frame = Buffer.from(store.readFrames(digestOf(text)));
  const names = readdirSync(join(dir, "packs"), { recursive: true, encoding: "utf8" });
  for (const path of names.filter((name) => name.endsWith(".pack")).map((name) => join(dir, "packs", name))) {
    const bytes = readFileSync(path);
    const at = bytes.indexOf(frame);
    if (at < 0) continue;
    bytes[at + frame.length - 1] = (bytes[at + frame.length - 1] as number) ^ 1;
    chmodSync(path, 0o600);
    writeFileSync(path, bytes);
    return path;
  }
  throw new Error("no pack has it");
}

test("fsck --repair forgets results that need what is lost, however far they reach, and keeps the others", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  remember(store, "lost", "a file that is going to be damaged");
  remember(store, "kept", "a file that stays");
  damage(dir, store, "a file that is going to be damaged");
  store.close();
  const again = openStore(dir, { compressor });
  again.fsck({ full: true });
  assert.equal(known(again, "lost").length, 3, "looking changes nothing");
  again.fsck({ full: true, repair: true });
  assert.deepEqual(known(again, "lost"), []);
  assert.deepEqual(known(again, "kept"), ["content", "tree", "record"]);
  again.close();
});

test("fsck --repair forgets results that need a pack whose file is gone", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  remember(store, "lost", "a file that is going to be gone");
  rmSync(damage(dir, store, "a file that is going to be gone"));
  store.close();
  const again = openStore(dir, { compressor });
  again.fsck({ full: false, repair: true });
  assert.deepEqual(known(again, "lost"), []);
  again.close();
});
