// SPDX-License-Identifier: Apache-2.0
// Keeps the promise (P7) that who waits for a store ends in time, and is told who keeps it waiting.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { openStore } from "../../src/store/index.ts";
import { Layout } from "../../src/store/layout.ts";
import { alone } from "../../src/store/store-lock.ts";
import { type Running, startAshlar, startScript } from "./child.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-deadlocks-"));
after(() => rmSync(base, { recursive: true, force: true }));

let stores = 0;
function newStore(): string {
  const dir = join(base, `store-${stores++}`);
  openStore(dir).close();
  return dir;
}

/** A process that holds a lock and is stopped, as by Ctrl-Z: it will never give it back. */
async function stopped(file: string): Promise<Running> {
  const child = startScript("test/crash/lock-child.ts", [file]);
  await once(child.process.stdout as NodeJS.ReadableStream, "data");
  child.process.kill("SIGSTOP");
  return child;
}

function busy(child: Running, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    const { code, message, because } = error as { code: string; message: string; because: readonly string[] };
    assert.equal(code, "STORE_BUSY");
    assert.match(message, pattern);
    assert.match(because.join(), new RegExp(`^process ${child.process.pid} \\(node lock-child.ts `));
    return true;
  };
}

test("a process that holds a lease does not wait for itself when it wants the store alone", () => {
  const store = openStore(newStore());
  const lease = store.lease();
  const start = performance.now();
  assert.throws(() => store.gc({ waitMs: 60_000 }), { code: "STORE_BUSY" });
  assert.throws(() => store.fsck({ full: false, repair: true }), { code: "STORE_BUSY" });
  assert.ok(performance.now() - start < 5000);
  lease.release();
  store.close();
});

test("a lease beside a collection of garbage that stands still gives up and names it", async () => {
  const dir = newStore();
  const child = await stopped(join(dir, "lease.lock"));
  const store = openStore(dir);
  assert.throws(() => store.lease({ waitMs: 200 }), busy(child, /garbage is being collected/));
  assert.throws(() => store.gc({ waitMs: 200 }), busy(child, /garbage is being collected/));
  assert.throws(() => store.gc({}), busy(child, /garbage is being collected/));
  child.process.kill("SIGKILL");
  await child.ended;
  store.lease().release();
  store.close();
});

test("opening a store beside one who makes its index and stands still gives up and names it", async () => {
  const dir = newStore();
  const child = await stopped(join(dir, "setup.lock"));
  assert.throws(() => alone(new Layout(dir), () => assert.fail(), 200), busy(child, /its databases are being made/));
  child.process.kill("SIGKILL");
  await child.ended;
  assert.equal(alone(new Layout(dir), () => "made", 200), "made");
});

test("of processes that open a store without an index, repair it and collect garbage at once none hangs", async () => {
  const dir = newStore();
  rmSync(join(dir, "index.sqlite"));
  const verbs = [["fsck", "--repair"], ["gc"], ["fsck"], ["gc"], ["stats"], ["fsck", "--repair"]];
  const running = verbs.map((verb) => startAshlar(["store", ...verb, `--store=${dir}`]));
  for (const { ended } of running) {
    const { status, err } = await ended;
    // Repairing does not wait for others.
    assert.ok(status === 0 || /STORE_BUSY/.test(err), err);
  }
  const store = openStore(dir);
  assert.deepEqual(store.fsck({ full: true }).faults, []);
  store.close();
});
