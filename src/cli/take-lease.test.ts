// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import type { Lease } from "../store/index.ts";
import { takeLease } from "./take-lease.ts";

/** A store whose garbage is being collected while it is asked so often. */
function collected(times: number): { lease(): Lease } {
  let asked = 0;
  return {
    lease() {
      if (asked++ >= times) return { release: () => {} };
      throw new AshlarError("STORE_BUSY", "Cannot use the store", { because: ["process 7 (node main.ts store gc)"] });
    },
  };
}

test("takeLease waits for a collection of garbage, and says what it waits for after a second", async () => {
  const said: string[] = [];
  await takeLease(collected(2), { say: (text) => void said.push(text) });
  assert.equal(said.length, 0);
  await takeLease(collected(12), { say: (text) => void said.push(text) });
  assert.deepEqual(said, ["wait for a collection of garbage: process 7 (node main.ts store gc)"]);
});

test("takeLease gives up in time, and when it is interrupted", async () => {
  const waiting = takeLease(collected(Infinity), { say: () => {}, waitMsMax: 200 });
  await assert.rejects(waiting, { code: "STORE_BUSY" });
  const controller = new AbortController();
  const interrupted = takeLease(collected(Infinity), { say: () => {}, signal: controller.signal });
  controller.abort();
  await assert.rejects(interrupted, { code: "INTERRUPTED" });
});
