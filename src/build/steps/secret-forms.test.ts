// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { isAshlarError } from "../../base/index.ts";
import { memoryStore } from "../../store/index.ts";
import { findSecret, formsOf, searchedPack, SecretSearch } from "./find-secrets.ts";
import { SecretMask } from "./mask-secrets.ts";
import { secretForms } from "./secret-forms.ts";

const secretBytes = fc.uint8Array({ minLength: 4, maxLength: 200 }).filter((bytes) => {
  const last = bytes.at(-1);
  return last !== 10 && last !== 13;
});
const around = fc.uint8Array({ maxLength: 40 });

/** What programs write instead of the bytes themselves. */
const encodings: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "as it is": (bytes) => bytes,
  base64: (bytes) => Buffer.from(bytes.toString("base64")),
  base64url: (bytes) => Buffer.from(bytes.toString("base64url")),
  "base64 in lines of 76": (bytes) => Buffer.from(bytes.toString("base64").replace(/.{76}/g, "$&\n")),
  hexadecimal: (bytes) => Buffer.from(bytes.toString("hex")),
  "hexadecimal, capital": (bytes) => Buffer.from(bytes.toString("hex").toUpperCase()),
  "hexadecimal in lines of 60": (bytes) => Buffer.from(bytes.toString("hex").replace(/.{60}/g, "$&\n")),
};

for (const [name, encode] of Object.entries(encodings)) {
  test(`findSecret finds any secret inside any text: ${name}`, () => {
    fc.assert(
      fc.property(secretBytes, around, around, (secret, before, after) => {
        const forms = secretForms("token", secret);
        assert.ok(findSecret(encode(Buffer.concat([before, secret, after])), forms));
      }),
    );
  });
}

test("findSecret finds what programs make of a secret in an address", () => {
  const secret = "pa ss/wörd&%~!*()'";
  const forms = secretForms("token", Buffer.from(secret));
  const encoded = encodeURIComponent(secret);
  const lower = encoded.replace(/%../g, (escape) => escape.toLowerCase());
  for (const text of [encoded, lower, new URLSearchParams({ q: secret }).toString()]) {
    assert.equal(findSecret(Buffer.from(`https://a.example/?q=${text}&x`), forms)?.form, "URL-encoded", text);
  }
});

test("secretForms leaves out the line end that a file has, and refuses what is too short", () => {
  assert.ok(findSecret(Buffer.from("x=hunter2;"), secretForms("token", Buffer.from("hunter2\r\n"))));
  for (const value of ["", "abc", "abc\n"]) {
    assert.throws(
      () => secretForms("token", Buffer.from(value)),
      (error) => isAshlarError(error, "USAGE_SECRET") && !error.message.includes("abc"),
    );
  }
});

test("findSecret finds nothing in texts that only share a part", () => {
  const forms = formsOf(new Map([["token", Buffer.from("correct horse battery")]]));
  assert.equal(findSecret(Buffer.from("correct horse", "utf8"), forms), undefined);
  assert.equal(findSecret(Buffer.from(Buffer.from("horse battery").toString("base64")), forms), undefined);
  assert.equal(findSecret(Buffer.alloc(1 << 20, "wxyz0123"), forms), undefined);
});

test("SecretSearch and SecretMask see a secret however the bytes are cut", () => {
  fc.assert(
    fc.property(secretBytes, around, around, fc.array(fc.nat(300)), (secret, before, after, cuts) => {
      const whole = Buffer.concat([before, secret, after]);
      const forms = secretForms("token", secret);
      const search = new SecretSearch(forms);
      const mask = new SecretMask(forms);
      const pieces = cutAt(whole, cuts);
      const shown = Buffer.concat([
        ...pieces.map((piece) => {
          search.push(piece);
          return mask.push(piece);
        }),
        mask.end(),
      ]);
      assert.ok(search.found);
      assert.equal(shown.includes(Buffer.from(secret)), false);
    }),
  );
});

test("SecretMask leaves everything else as it is", () => {
  const forms = secretForms("token", Buffer.from("hunter2"));
  const mask = new SecretMask(forms);
  const texts = ["a hunt", "er2 b hun", "t c ", "hunter2hunter2", " hunte"];
  const shown = texts.map((text) => mask.push(Buffer.from(text)).toString()).join("");
  assert.equal(shown + mask.end().toString(), "a *** b hunt c ****** hunte");
});

test("searchedPack knows which contents hold a secret before they are committed", () => {
  const store = memoryStore();
  const forms = secretForms("token", Buffer.from("hunter2"));
  const { pack, found } = searchedPack(store.beginPack(), forms);
  pack.put(Buffer.from("nothing"));
  const small = pack.put(Buffer.from("my hunter2")).digest;
  const writer = pack.open();
  for (const text of ["68756e74", "657232"]) writer.write(Buffer.from(text));
  const streamed = writer.end().digest;
  const joined = pack.putJoined([Buffer.from("a hun"), Buffer.from("ter2")]).digest;
  assert.deepEqual(
    new Map([...found].map(([digest, { form }]) => [digest, form])),
    new Map([
      [small, "as it is"],
      [streamed, "hexadecimal"],
      [joined, "as it is"],
    ]),
  );
  pack.abort();
  assert.equal(store.has(small), false);
});

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length])].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}
