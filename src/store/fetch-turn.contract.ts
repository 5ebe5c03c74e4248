// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import type { Store } from "./store.ts";
import { hasCode } from "./testing/sample.ts";

/** What every store must do so that nothing is fetched twice at a time. */
export function fetchTurnContract(name: string, make: () => Store | Promise<Store>): void {
  test(`${name}: beginFetch gives one turn at a time for a digest, and the turn keeps gc away`, async () => {
    const store = await make();
    const [one, other] = [digestOf("one"), digestOf("other")];
    const turn = store.beginFetch(one);
    assert.equal(store.beginFetch(one).kind, "elsewhere");
    const second = store.beginFetch(other);
    for (const held of [turn, second]) {
      assert.throws(() => store.gc({}), hasCode("STORE_BUSY"));
      if (held.kind === "ours") held.release();
      else assert.fail("nobody else fetches it");
    }
    store.gc({});
    assert.equal(store.beginFetch(one).kind, "ours");
    store.close();
  });
}
