// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";

import { type Digest, type Json } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import type { Action, Store } from "./store.ts";
import { damageContent } from "./testing/damage-content.ts";
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

test("fsck --repair forgets results that need what is lost, however far they reach, and keeps the others", () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  remember(store, "lost", "a file that is going to be damaged");
  remember(store, "kept", "a file that stays");
  damageContent(dir, store, "a file that is going to be damaged");
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
  rmSync(damageContent(dir, store, "a file that is going to be gone"));
  store.close();
  const again = openStore(dir, { compressor });
  again.fsck({ full: false, repair: true });
  assert.deepEqual(known(again, "lost"), []);
  again.close();
});
