// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { parseReference, sourceOf } from "../oci/index.ts";
import { copyImage, openRemote, type RemotePlace } from "../registry/index.ts";
import { startTestRegistry, type TestRegistry } from "../registry/testing/test-registry.ts";
import { sample } from "../store/testing/sample.ts";
import { chunkedImage } from "./testing/chunked-image.ts";
import { bringFrom, newStore, verifyBrought } from "./testing/pull-rig.ts";

const fileBytes = (i: number): number => 500 + ((i * 7919) % 20_000);
const files = (from: number): Record<string, Uint8Array> =>
  Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`usr/f${from + i}`, sample(from + i, fileBytes(from + i))]));
const image = await chunkedImage({ layers: [[files(0), files(100)], [files(200)]] });
/** The largest frame, and what tables and config may take again. */
const frameBytesMax = 20_600;
const tableBytesMax = 40_000;
/** Spans at a time: each may have a frame in flight. */
const spansMax = 6;

function open(registry: TestRegistry): RemotePlace {
  // One try: what is cut stays cut, as when the machine is switched off.
  return openRemote(parseReference(`${registry.host}/team/app:1`), { tryCountMax: 1, retryDelayMs: 1 });
}

function blobBytes({ requests }: TestRegistry): number {
  const blobs = requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  return blobs.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

/** Numbers that look random and are the same each time. */
function* numbers(seed: number): Generator<number, never, void> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test("a pull cut at any of 200 bytes goes on there, and fetches nothing twice but frames in flight", async () => {
  await using registry = await startTestRegistry();
  const target = open(registry);
  await copyImage(sourceOf(image), target, { tag: "1" });
  await target.finish();
  registry.requests.length = 0;
  await bringFrom(await newStore(), target);
  const total = blobBytes(registry);
  await target.close();
  assert.ok(total > 1_500_000, `${total} bytes`);
  const random = numbers(20_261_128);
  for (let i = 0; i < 200; i++) await cutAndGoOn(registry, Math.floor(random.next().value * total), total);
});

async function cutAndGoOn(registry: TestRegistry, cut: number, total: number): Promise<void> {
  const store = await newStore();
  registry.requests.length = 0;
  registry.options = {
    mischief: ({ method, path }) => {
      if (method !== "GET" || !path.includes("/blobs/")) return undefined;
      return { cutAfter: Math.max(0, cut - blobBytes(registry)) };
    },
  };
  const first = open(registry);
  const error = await bringFrom(store, first).then(() => undefined, (thrown: unknown) => thrown);
  await first.close();
  assert.ok(error === undefined || isAshlarError(error, "REGISTRY_UNREACHABLE"), String(error));
  registry.options = {};
  const second = open(registry);
  verifyBrought(store, await bringFrom(store, second), image);
  await second.close();
  const sent = blobBytes(registry);
  const bound = total + spansMax * frameBytesMax + tableBytesMax;
  assert.ok(sent <= bound, `cut at ${cut}: ${sent} bytes of ${total}`);
  store.close();
}
