// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { digestOf } from "../base/index.ts";
import { loadCompressor } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import type { Store } from "./store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { hasCode } from "./testing/sample.ts";
import { childContents } from "./testing/store-child.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const childFile = join(import.meta.dirname, "testing", "store-child.ts");

function startChild(verb: string, dir: string): ChildProcess {
  return spawn(process.execPath, [childFile, verb, dir], { stdio: ["ignore", "pipe", "inherit"] });
}

function verifyAll(store: Store): void {
  for (let i = 0; i < 20; i++) {
    for (const bytes of childContents(i)) assert.ok(Buffer.from(store.read(digestOf(bytes))).equals(bytes));
    assert.equal(store.getAction({ operation: "test", version: 1, inputs: [], parameters: i })?.value, i);
    assert.equal(store.readRecord(store.getRef(`record/${i}`) as never).value, i);
  }
  assert.equal(store.stats().contents, 220);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
}

test("two processes make one store and put the same contents at the same time", async () => {
  const dir = freshDir();
  const ends = [startChild("put", dir), startChild("put", dir)].map((child) => once(child, "exit"));
  for (const [code] of await Promise.all(ends)) assert.equal(code, 0);
  const store = openStore(dir, { compressor });
  verifyAll(store);
  assert.deepEqual(readdirSync(store.tmpDir), []);
  store.close();
});

test("two threads put the same contents at the same time, beside an open handle", async () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const workers = [0, 1].map(() => new Worker(childFile, { workerData: { dir } }));
  for (const [code] of await Promise.all(workers.map((worker) => once(worker, "exit")))) assert.equal(code, 0);
  verifyAll(store);
  store.close();
});

test("a process killed in the middle of a pack leaves a sound store, and gc is not kept away", async () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const kept = store.putRecord("kept", {});
  store.setRef("kept", kept);
  const child = startChild("hang", dir);
  await once(child.stdout as NodeJS.ReadableStream, "data");
  assert.throws(() => store.gc({}), hasCode("STORE_BUSY"), "the lease of a live process holds");
  assert.equal(readdirSync(store.tmpDir).length, 1);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(store.stats().contents, 1);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.gc({});
  assert.deepEqual(readdirSync(store.tmpDir), []);
  assert.equal(store.readRecord(kept).value, "kept");
  store.close();
});

test("a thread that is terminated gives its lease back", async () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const code = `
    import { workerData, parentPort } from "node:worker_threads";
    const { openStore } = await import(workerData.module);
    openStore(workerData.dir).lease();
    parentPort.postMessage("held");
    setInterval(() => {}, 1000);`;
  const module = new URL("disk-store.ts", import.meta.url).href;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const worker = new Worker(url, { workerData: { dir, module } });
  await once(worker, "message");
  assert.throws(() => store.gc({}), hasCode("STORE_BUSY"));
  await worker.terminate();
  assert.equal(store.gc({ waitMs: 5000 }).removedContents, 0);
  store.close();
});
