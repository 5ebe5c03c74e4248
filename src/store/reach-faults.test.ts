// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { PackReader } from "./pack-reader.ts";
import type { Store } from "./store.ts";
import { storeFault } from "./system-fault.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, hasCode } from "./testing/sample.ts";
import { withStore } from "./testing/with-store.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const action = { operation: "test", version: 1, inputs: [], parameters: {} };

/** A store with a ref and an action that reach a tree, so that nothing of it is remembered from its making. */
function makeStore(): string {
  const dir = freshDir();
  withStore(dir, (store) => {
    const tree = store.putTree(makeTree([fileEntry(store, "a", Buffer.from("a"))]));
    const record = store.putRecord("image", { trees: [tree] });
    store.setRef("image", record);
    store.putAction(action, { value: "done", reaches: { records: [record] } });
  });
  return dir;
}

/** Lets reads of packs fail with an error of the operating system: the first `count` of them. */
function failReads(t: TestContext, code: string, count = Infinity): void {
  const read = PackReader.prototype.read;
  let left = count;
  t.mock.method(PackReader.prototype, "read", function (this: PackReader, ...args: Parameters<typeof read>) {
    if (left-- <= 0) return read.apply(this, args);
    throw storeFault("read pack", Object.assign(new Error(`${code}: made for a test`), { code, syscall: "read" }));
  });
}

function useOf(dir: string, use: (store: Store) => void): void {
  const store = openStore(dir, { compressor });
  try {
    use(store);
  } finally {
    store.close();
  }
}

for (const code of ["EMFILE", "ENFILE", "ENOMEM", "EIO"]) {
  test(`gc that cannot read what a ref reaches for ${code} does not say that the ref is broken`, (t) => {
    const dir = makeStore();
    failReads(t, code);
    useOf(dir, (store) => assert.throws(() => store.gc({}), hasCode("STORE_IO")));
  });
}

test("gc says that a ref is broken where what it reaches is not there", (t) => {
  const dir = makeStore();
  failReads(t, "ENOENT");
  useOf(dir, (store) => assert.throws(() => store.gc({}), hasCode("STORE_REF_BROKEN")));
});

test("a repair forgets no result because it could not look, nor because the disk failed once", (t) => {
  const dir = makeStore();
  for (const [code, count] of [["EMFILE", Infinity], ["EIO", 1]] as const) {
    failReads(t, code, count);
    useOf(dir, (store) => {
      try {
        assert.deepEqual(store.fsck({ full: false, repair: true }).faults, []);
      } catch (error) {
        assert.ok(isAshlarError(error, "STORE_IO"), String(error));
      }
    });
    t.mock.restoreAll();
    withStore(dir, (store) => assert.equal(store.getAction(action)?.value, "done", code));
  }
});
