// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { lockFile } from "./file-lock.ts";
import { Layout } from "./layout.ts";
import { RefsDatabase } from "./refs-database.ts";
import { Refs } from "./refs.ts";
import type { Ref } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();

function makeStore(): { readonly dir: string; readonly refs: readonly Ref[] } {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  store.setRef("image/a", store.putRecord(1, {}), ["build", "/srv/a"]);
  store.setRef("image/u", store.putRecord(2, {}));
  const refs = store.listRefs();
  store.close();
  return { dir, refs };
}

test("nobody restores the refs while a name is set", (t) => {
  const { dir, refs } = makeStore();
  const { setupLock } = new Layout(dir);
  const set = RefsDatabase.prototype.set;
  let isLocked = false;
  t.mock.method(RefsDatabase.prototype, "set", function (this: RefsDatabase, ref: Ref) {
    const lock = lockFile(setupLock, "exclusive", 0);
    isLocked = lock === undefined;
    lock?.release();
    set.call(this, ref);
  });
  withStore(dir, (store) => store.setRef("image/late", (refs[0] as Ref).target));
  assert.ok(isLocked);
});

test("a change that waited for another process to restore the refs takes the place of none made since", () => {
  const { dir, refs } = makeStore();
  const layout = new Layout(dir);
  const [target] = refs.map((ref) => ref.target) as [Ref["target"]];
  const restoreAndSet = (): void => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(dir, `refs.sqlite${suffix}`), { force: true });
    withStore(dir, (other) => {
      assert.deepEqual(other.listRefs(), refs);
      other.setRef("image/theirs", target);
    });
  };
  const alone = <T>(step: () => T): T => (restoreAndSet(), step());
  const own = new Refs({ layout, alone, onRecover: () => {} });
  assert.deepEqual(own.list(), refs);
  assert.equal(own.set({ name: "image/ours", target }), true);
  own.close();
  withStore(dir, (store) => {
    assert.deepEqual([store.getRef("image/theirs"), store.getRef("image/ours")], [target, target]);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });
});

test("moveRef moves a name that points where it is said to, and no other", () => {
  const { dir, refs } = makeStore();
  const [a, u] = refs as [Ref, Ref];
  withStore(dir, (store) => {
    assert.equal(store.moveRef({ name: a.name, target: u.target, origin: ["pull"] }, u.target), false);
    assert.deepEqual(store.listRefs(), refs);
    assert.equal(store.moveRef({ name: a.name, target: u.target, origin: ["pull"] }, a.target), true);
    assert.deepEqual([store.getRef(a.name), store.getRefOrigin(a.name)], [u.target, ["pull"]]);
    assert.equal(store.moveRef({ name: "image/none", target: u.target }, a.target), false);
    assert.equal(store.getRef("image/none"), undefined);
  });
});
