// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestBytes, digestFromBytes, digestOf, emptyDigest, Hasher, parseDigest } from "./digest.ts";
import { AshlarError, isAshlarError } from "./error.ts";
import { canonicalJson } from "./json.ts";

test("digestOf gives the published sha256 of the empty string and of abc", () => {
  assert.equal(emptyDigest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(digestOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("parseDigest refuses other algorithms, capitals and paths", () => {
  const hex = digestOf("abc").slice(7);
  for (const text of [
    "",
    hex,
    `SHA256:${hex}`,
    `sha256:${hex.toUpperCase()}`,
    `sha512:${hex}`,
    `sha256:../../${hex}`,
  ]) {
    assert.throws(
      () => parseDigest(text),
      (error) => isAshlarError(error, "DIGEST_INVALID"),
      text,
    );
  }
});

test("digestFromBytes undoes digestBytes, also inside a larger buffer", () => {
  const digest = digestOf("abc");
  const padded = Buffer.concat([Buffer.from([1, 2, 3]), digestBytes(digest)]).subarray(3);
  assert.equal(digestFromBytes(padded), digest);
});

test("Hasher gives the digest and size of the pieces together", () => {
  const hasher = new Hasher();
  hasher.update(Buffer.from("ab"));
  hasher.update(Buffer.from("c"));
  assert.equal(hasher.sizeBytes, 3);
  assert.equal(hasher.digest(), digestOf("abc"));
});

test("canonicalJson sorts keys, leaves out undefined and keeps lone surrogates", () => {
  assert.equal(
    canonicalJson({ b: [1, { z: null, a: "\udc80" }], a: undefined }),
    '{"b":[1,{"a":"\\udc80","z":null}]}',
  );
});

test("AshlarError takes credentials out of addresses", () => {
  const error = new AshlarError("X_Y", 'Cannot fetch "https://user:secret@host/x"');
  assert.equal(error.message, 'Cannot fetch "https://***@host/x"');
});
