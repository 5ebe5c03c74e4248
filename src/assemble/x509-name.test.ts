// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { parsePem } from "./ca-bundle.ts";
import { certificates } from "./testing/certificates.ts";
import { subjectHash } from "./x509-name.ts";

for (const { name, hash, pem } of certificates) {
  test(`subjectHash is OpenSSL's for a subject with ${name}`, () => {
    const [der] = parsePem(pem);
    assert.equal(subjectHash(der as Uint8Array), hash);
  });
}

test("subjectHash answers every truncated or changed certificate with a hash or its own error", () => {
  const der = parsePem((certificates[2] as { pem: string }).pem)[0] as Uint8Array;
  for (let at = 0; at < der.length; at++) {
    for (const bytes of [der.subarray(0, at), der.with(at, 0xff), der.with(at, 0x30), der.with(at, 0x84)]) {
      try {
        assert.match(subjectHash(bytes), /^[0-9a-f]{8}$/);
      } catch (error) {
        assert.ok(isAshlarError(error, "ASSEMBLE_CERTIFICATE_INVALID"), String(error));
      }
    }
  }
});

test("parsePem finds every certificate and passes over other blocks and text", () => {
  const [one, two] = certificates as unknown as [{ pem: string }, { pem: string }];
  const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  assert.equal(parsePem(`comment\n${one.pem}${key}${two.pem}`).length, 2);
  assert.equal(parsePem(one.pem.replaceAll("\n", "\r\n")).length, 1);
  assert.deepEqual(parsePem("-----BEGIN CERTIFICATE-----\nAAAA"), []);
});
