// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { isAshlarError } from "../../base/index.ts";
import { encodeInterests, parseFileInterests, parseNamedInterests, parseTriggers } from "./triggers.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");

test("parseTriggers reads directives with and without waiting, and passes over comments", () => {
  const text =
    "# mandb\n\ninterest /usr/share/man # all of it\n  activate-noawait ldconfig\ninterest-await a+b.c\n";
  assert.deepEqual(parseTriggers(bytes(text)), [
    { kind: "interest", trigger: "/usr/share/man", awaits: true },
    { kind: "activate", trigger: "ldconfig", awaits: false },
    { kind: "interest", trigger: "a+b.c", awaits: true },
  ]);
  assert.deepEqual(parseTriggers(bytes("")), []);
});

for (const [fault, text] of Object.entries({
  "an unknown directive": "watch x\n",
  "a directive without a trigger": "interest\n",
  "two triggers": "interest a b\n",
  "the name of a file of the database": "interest File\n",
  "a name that leads out of its directory": "interest ../../etc/passwd\n",
  "a path out of the root": "interest /../etc\n",
})) {
  test(`parseTriggers refuses ${fault}`, () => {
    assert.throws(() => parseTriggers(bytes(text)), { code: "DEBIAN_TRIGGERS_INVALID", message: /line 1/ });
  });
}

test("parseFileInterests and parseNamedInterests read what encodeInterests writes", () => {
  const who = fc.record({ package: fc.constantFrom("a", "libb:amd64", "c-1.0+x"), awaits: fc.boolean() });
  const path = fc.constantFrom("/usr/share/man", "/opt/with space", "/lib");
  fc.assert(
    fc.property(fc.array(who), fc.array(fc.tuple(who, path)), (named, files) => {
      const byName = named.map((one) => ({ trigger: "ldconfig", ...one }));
      const byPath = files.map(([one, trigger]) => ({ trigger, ...one }));
      assert.deepEqual(parseNamedInterests(bytes(encodeInterests(byName)), "ldconfig"), byName);
      assert.deepEqual(parseFileInterests(bytes(encodeInterests(byPath))), byPath);
    }),
  );
});

test("encodeInterests writes dpkg's own lines", () => {
  const interests = [
    { trigger: "/usr/share/man", package: "man-db", awaits: false },
    { trigger: "ldconfig", package: "libc-bin", awaits: true },
  ];
  assert.equal(encodeInterests(interests), "/usr/share/man man-db/noawait\nlibc-bin\n");
});

test("parseFileInterests refuses a line without a path or a package", () => {
  for (const text of ["man-db\n", "usr/x man-db\n", " x\n"]) {
    assert.throws(() => parseFileInterests(bytes(text)), { code: "DEBIAN_TRIGGERS_INVALID" });
  }
});

test("parseTriggers throws nothing but its own error, whatever it is given", () => {
  const word = fc.constantFrom("interest", "activate-await", "/a", "b", "#", "\t", "File", "\0", "..");
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), fc.constantFrom(" ", "\n"), (words, separator) => {
      try {
        for (const { trigger } of parseTriggers(bytes(words.join(separator)))) assert.match(trigger, /^\S+$/);
      } catch (error) {
        assert.ok(isAshlarError(error) && error.code === "DEBIAN_TRIGGERS_INVALID", String(error));
      }
    }),
  );
});
