// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestBytes, digestFromHex, digestOf } from "../base/index.ts";
import { DigestSet } from "./digest-set.ts";

test("DigestSet finds what was added, as text and as bytes, and nothing else", () => {
  const set = new DigestSet();
  const [added, others] = [0, 1].map((half) => Array.from({ length: 20_000 }, (_, i) => digestOf(`${half} ${i}`)));
  added?.forEach((digest, i) => assert.ok(i % 2 === 0 ? set.add(digest) : set.addBytes(digestBytes(digest))));
  added?.forEach((digest) => assert.equal(set.add(digest), false));
  assert.equal(set.size, 20_000);
  assert.ok(added?.every((digest) => set.has(digest) && set.hasBytes(digestBytes(digest))));
  assert.ok(!others?.some((digest) => set.has(digest) || set.hasBytes(digestBytes(digest))));
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
