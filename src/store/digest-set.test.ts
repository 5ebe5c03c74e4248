// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestBytes, digestFromHex, digestOf } from "../base/index.ts";
import { DigestSet } from "./digest-set.ts";
import { ExactDigestSet } from "./exact-digest-set.ts";

test("DigestSet finds what was added, as text and as bytes, and nothing else", () => {
  const set = new DigestSet();
  const [added, others] = [0, 1].map((half) => Array.from({ length: 20_000 }, (_, i) => digestOf(`${half} ${i}`)));
  added?.forEach((digest, i) => assert.ok(i % 2 === 0 ? set.add(digest) : set.addBytes(digestBytes(digest))));
  added?.forEach((digest) => assert.equal(set.add(digest), false));
  assert.equal(set.size, 20_000);
  assert.ok(added?.every((digest) => set.has(digest) && set.hasBytes(digestBytes(digest))));
  assert.ok(!others?.some((digest) => set.has(digest) || set.hasBytes(digestBytes(digest))));
  const inText = (digest: string): Buffer => Buffer.from(`before ${digest.slice(7)} behind`);
  assert.ok(added?.every((digest) => set.hasHex(inText(digest), 7) && !set.addHex(inText(digest), 7)));
  assert.ok(!others?.some((digest) => set.hasHex(inText(digest), 7)) && set.size === 20_000);
});

test("DigestSet tells digests apart that begin with zeros", () => {
  const digests = ["0".repeat(16), `${"0".repeat(8)}00000001`, `00000001${"0".repeat(8)}`, "f".repeat(16)].map((hex) =>
    digestFromHex(hex.padEnd(64, "5")),
  );
  for (const only of digests) {
    const set = new DigestSet();
    set.add(only);
    assert.equal(set.size, 1);
    assert.deepEqual(digests.filter((digest) => set.has(digest)), [only]);
  }
});

test("DigestSet keeps 8 bytes: digests that begin alike are one", () => {
  const set = new DigestSet(100);
  set.add(digestFromHex("0123456789abcdef".padEnd(64, "a")));
  assert.ok(set.has(digestFromHex("0123456789abcdef".padEnd(64, "b"))));
  assert.ok(!set.has(digestFromHex("0123456789abcdee".padEnd(64, "a"))));
});

test("ExactDigestSet tells digests apart by every byte", () => {
  const set = new ExactDigestSet();
  const all = Buffer.concat(Array.from({ length: 5000 }, (_, i) => digestBytes(digestOf(String(i)))));
  for (let at = 0; at < all.length; at += 32) assert.equal(set.add(all, at), true);
  for (let at = 0; at < all.length; at += 32) {
    assert.deepEqual([set.has(all, at), set.add(all, at)], [true, false]);
    const other = Buffer.from(all.subarray(at, at + 32));
    other[at % 31] = (other[at % 31] as number) ^ 1;
    assert.equal(set.has(other), false);
  }
  assert.equal(set.size, 5000);
});
