// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { crc64, crc64Hex } from "./crc64.ts";

/** The definition, bit by bit. */
function reference(bytes: Uint8Array): string {
  let crc = 0xffffffffffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xd800000000000000n : crc >> 1n;
  }
  return (crc ^ 0xffffffffffffffffn).toString(16).padStart(16, "0");
}

test("crc64 gives the check value of CRC-64/ISO", () => {
  assert.equal(crc64Hex(crc64(Buffer.from("123456789"))), "b90956c775a41001");
  assert.equal(crc64Hex(crc64(Buffer.alloc(0))), "0000000000000000");
});

test("crc64 gives what the definition gives at every length, however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), fc.nat(600), (bytes, a, b) => {
      const [first, second] = a < b ? [a, b] : [b, a];
      const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      const pieces = parts.reduce((state, part) => crc64(part, state), crc64(Buffer.alloc(0)));
      assert.equal(crc64Hex(pieces), reference(bytes));
      assert.equal(crc64Hex(crc64(bytes)), reference(bytes));
    }),
    { numRuns: 300 },
  );
  for (const size of [65_535, 65_536, 65_537, 131_105]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7919) >>> 5);
    assert.equal(crc64Hex(crc64(bytes)), reference(bytes), `${size} bytes`);
  }
});
