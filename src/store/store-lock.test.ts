// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { digestOf } from "../base/index.ts";
import { Layout } from "./layout.ts";
import { lockFetch } from "./store-lock.ts";
import { freshDirs } from "./testing/fresh-dir.ts";

const freshDir = freshDirs();
const digest = digestOf("wanted");

test("lockFetch shows others that its holder lives, also the second one, until the release", async () => {
  const layout = new Layout(freshDir());
  const seen = (): number => {
    const turn = lockFetch(layout, digest);
    if (turn.kind === "elsewhere") return turn.beat;
    turn.release();
    return -1;
  };
  for (let holder = 0; holder < 2; holder++) {
    const turn = lockFetch(layout, digest, 5);
    const first = seen();
    for (let i = 0; i < 500 && seen() === first; i++) await sleep(5);
    assert.notEqual(seen(), first);
    if (turn.kind === "ours") turn.release();
    assert.equal(seen(), -1);
  }
});
