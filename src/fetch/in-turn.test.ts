// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import type { FetchTurn } from "../store/index.ts";
import { inTurn } from "./in-turn.ts";
import { fails } from "./testing/fetcher-rig.ts";

const digest = digestOf("wanted");

/** Somebody else fetches; `beats` are what is seen of it, the last one for ever. */
function elsewhere(...beats: number[]): { readonly beginFetch: () => FetchTurn; readonly asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    beginFetch: () => {
      const beat = beats[Math.min(asked++, beats.length - 1)] as number;
      return { kind: "elsewhere", beat, holders: () => ["process 7 (node main.ts build)"] };
    },
  };
}

const work = (): Promise<never> => Promise.reject(new Error("it is not our turn"));

test("inTurn gives up on who stands still, names it, and says so once before", async () => {
  const notes: string[] = [];
  const options = { name: "a.deb", onWait: (text: string) => void notes.push(text), waitMs: 1, patienceMs: 10, work };
  await assert.rejects(inTurn(elsewhere(1), digest, options), fails("STORE_BUSY", /stood still.*\nprocess 7 /));
  assert.deepEqual(notes, ["wait for a.deb: process 7 (node main.ts build) fetches it"]);
});

test("inTurn waits longer for who shows life", async () => {
  const still = elsewhere(1);
  const alive = elsewhere(1, 2, 3, 4, 5, 6, 7, 8);
  const options = { name: "a.deb", onWait: () => {}, waitMs: 1, patienceMs: 20, work };
  for (const one of [still, alive]) await assert.rejects(inTurn(one, digest, options), fails("STORE_BUSY"));
  assert.ok(alive.asked() > still.asked() + 1, `${alive.asked()} and ${still.asked()}`);
});

test("inTurn ends when it is interrupted while it waits", async () => {
  const controller = new AbortController();
  const waiting = inTurn(elsewhere(1), digest, { name: "a", onWait: () => {}, signal: controller.signal, work });
  controller.abort();
  await assert.rejects(waiting, fails("INTERRUPTED"));
});

test("inTurn gives the turn back when the work fails", async () => {
  let held = 0;
  const store = { beginFetch: (): FetchTurn => (held++, { kind: "ours", release: () => void held-- }) };
  const failing = (): Promise<never> => Promise.reject(new Error("no network"));
  await assert.rejects(inTurn(store, digest, { name: "a", onWait: () => {}, work: failing }), /no network/);
  assert.equal(held, 0);
});
