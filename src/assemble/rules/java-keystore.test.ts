// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import fc from "fast-check";

import { withoutDates } from "./java-keystore.ts";

interface Certificate {
  readonly alias: string;
  readonly dateMs: bigint;
  readonly der: Uint8Array;
}

/** A store as keytool writes it, signed with the password that Debian's has. */
function jks(certificates: readonly Certificate[]): Buffer {
  const head = Buffer.from("feedfeed00000002", "hex");
  const body = Buffer.concat([head, number(certificates.length, 4), ...certificates.map(entry)]);
  const password = Buffer.concat([..."changeit"].map((char) => Buffer.from([0, char.charCodeAt(0)])));
  const sum = createHash("sha1")
    .update(Buffer.concat([password, Buffer.from("Mighty Aphrodite"), body]))
    .digest();
  return Buffer.concat([body, sum]);
}

function entry({ alias, dateMs, der }: Certificate): Buffer {
  const date = Buffer.alloc(8);
  date.writeBigUInt64BE(dateMs);
  const name = Buffer.from(alias);
  const type = Buffer.from("X.509");
  return Buffer.concat([
    number(2, 4),
    number(name.length, 2),
    name,
    date,
    number(type.length, 2),
    type,
    number(der.length, 4),
    der,
  ]);
}

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}

const some = (dateMs: bigint): readonly Certificate[] => [
  { alias: "debian:a.pem", dateMs, der: Buffer.from("first") },
  { alias: "debian:b.pem", dateMs: dateMs + 3n, der: new Uint8Array() },
];

test("withoutDates makes stores of the same certificates equal, with the right checksum", () => {
  const fixed = withoutDates(jks(some(1_790_000_000_000n)));
  assert.deepEqual(fixed, jks(some(0n).map((one) => ({ ...one, dateMs: 0n }))));
  assert.deepEqual(withoutDates(jks(some(5n))), fixed);
  assert.deepEqual(withoutDates(jks([])), jks([]));
});

test("withoutDates leaves alone what is not such a store, or has another password", () => {
  const store = jks(some(7n));
  const wrong = Buffer.from(store);
  wrong[40] = (wrong[40] as number) ^ 1;
  for (const bytes of [
    wrong,
    store.subarray(1),
    store.subarray(0, 30),
    new Uint8Array(),
    Buffer.from("PKCS12"),
  ]) {
    assert.equal(withoutDates(bytes), undefined);
  }
});

test("withoutDates stays within bytes of any kind, even with a right checksum", () => {
  const counted = fc.record({ count: fc.nat(0xffffffff), rest: fc.uint8Array({ maxLength: 80 }) });
  fc.assert(
    fc.property(counted, ({ count, rest }) => {
      const body = Buffer.concat([Buffer.from("feedfeed00000002", "hex"), number(count, 4), rest]);
      const password = Buffer.from("changeit", "utf16le").swap16();
      const sum = createHash("sha1").update(password).update("Mighty Aphrodite").update(body).digest();
      const fixed = withoutDates(Buffer.concat([body, sum]));
      assert.ok(fixed === undefined || fixed.length === body.length + 20);
    }),
  );
});
