// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { AshlarError, digestOf } from "../base/index.ts";
import { loadCompressor, makeTree, type Tree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { PackReader } from "./pack-reader.ts";
import { ReachCheck } from "./reach.ts";
import type { Store } from "./store.ts";
import { storeFault } from "./system-fault.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { fileEntry, hasCode, sample } from "./testing/sample.ts";
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

/** Lets reads of packs fail with an error of the operating system: `count` of them, after some that go well. */
function failReads(t: TestContext, code: string, count = Infinity, wellCount = 0): void {
  const read = PackReader.prototype.read;
  let [left, well] = [count, wellCount];
  t.mock.method(PackReader.prototype, "read", function (this: PackReader, ...args: Parameters<typeof read>) {
    if (well-- > 0 || left-- <= 0) return read.apply(this, args);
    throw readFault(code);
  });
}

function readFault(code: string): Error {
  const cause = Object.assign(new Error(`${code}: made for a test`), { code, syscall: "read" });
  return storeFault("read pack", cause) as Error;
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

test("what is young is kept whole, or gc ends with the error that kept it from looking", (t) => {
  for (const code of ["EMFILE", "EIO"]) {
    const dir = freshDir();
    useOf(dir, (store) => {
      const tree = store.putTree(makeTree([fileEntry(store, "a", sample(1, 99))]));
      const record = store.putRecord("image", { trees: [tree] });
      store.putAction(action, { value: "done", reaches: { records: [record] } });
    });
    // No ref: the first reads are those for the remembered result. It is whole, then what it reaches cannot be read.
    failReads(t, code, Infinity, 2);
    const grace = { ms: 3_600_000, nowMs: Date.now() };
    useOf(dir, (store) => assert.throws(() => store.gc({ grace }), hasCode("STORE_IO"), code));
    t.mock.restoreAll();
  }
});

/** Tells whether a tree is whole whose reading fails so at first. */
function isWholeAfter(...failures: readonly Error[]): boolean {
  const left = [...failures];
  const readTree = (): Tree => {
    const failure = left.shift();
    if (failure !== undefined) throw failure;
    return makeTree([]);
  };
  const check = new ReachCheck({ has: () => true, readTree, readRecord: () => assert.fail("there is none") });
  return check.isWhole({ trees: [digestOf("tree")] });
}

test("ReachCheck counts as missing what is not here or damaged, and nothing that it could not look at", () => {
  const [full, faulty] = ["EMFILE", "EIO"].map((code) => readFault(code)) as [Error, Error];
  assert.equal(isWholeAfter(new AshlarError("STORE_CONTENT_DAMAGED", "Cannot read content: made for a test")), false);
  assert.throws(() => isWholeAfter(full, full), hasCode("STORE_IO"));
  assert.equal(isWholeAfter(faulty), true, "a disk that failed once is asked again");
});
