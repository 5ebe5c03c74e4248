// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AshlarError, digestOf, isAshlarError } from "../base/index.ts";
import { formatReference, parseReference } from "./reference.ts";

const digest = digestOf("x");
const long = "a".repeat(300);

// The rules are those of github.com/distribution/reference (regexp.go, normalize.go).
const accepted: readonly (readonly [text: string, full: string])[] = [
  ["nginx", "docker.io/library/nginx"],
  ["nginx:1.25", "docker.io/library/nginx:1.25"],
  ["team/app", "docker.io/team/app"],
  ["docker.io/nginx", "docker.io/library/nginx"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/app:v1", "localhost:5000/app:v1"],
  ["127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c"],
  ["[::1]:5000/a", "[::1]:5000/a"],
  ["registry.example/a_b/c__d/e-f/g---h/i.j:T.a-g_1", "registry.example/a_b/c__d/e-f/g---h/i.j:T.a-g_1"],
  ["Uppercase/app", "Uppercase/app"],
  [`app@${digest}`, `docker.io/library/app@${digest}`],
  [`x.y/app:1@${digest}`, `x.y/app:1@${digest}`],
];

for (const [text, full] of accepted) {
  test(`parseReference reads ${text.slice(0, 40)}`, () => {
    assert.equal(formatReference(parseReference(text)), full);
    assert.deepEqual(parseReference(full), parseReference(text));
  });
}

const refused = [
  "", "Nginx", "a//b", "/a", "a/", "a___b", "a..b", "-a", "a-", "a._b", "a:", "a:-x", `a:${"t".repeat(129)}`,
  "a b", "a\n",   "../x", "x.y/../z", "a@", "a@sha256:abc", `a@${digest.toUpperCase()}`, `a@${digest}@${digest}`,
  "x.y:99999/a", "x.y:/a", "-x.y/a",
  "http://x.y/a", long, `x.y/${long}`, "a/B/c", "\u212aa", "user:pass@host/a",
];

for (const text of refused) {
  test(`parseReference refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.throws(() => parseReference(text), (error) => isAshlarError(error, "OCI_REFERENCE"));
  });
}

test("parseReference throws nothing but its own error, and what it accepts it reads back", () => {
  const char = fc.constantFrom(..."aB0._-:/@[]\n".split(""));
  fc.assert(fc.property(fc.array(char, { maxLength: 30 }), (chars) => {
    try {
      const full = formatReference(parseReference(chars.join("")));
      assert.equal(formatReference(parseReference(full)), full);
    } catch (error) {
      assert.ok(error instanceof AshlarError);
    }
  }));
});

test("parseReference takes no long time on long hostile names", () => {
  const started = performance.now();
  for (let i = 0; i < 200; i++) assert.throws(() => parseReference(`${"a-".repeat(270)}!`));
  assert.ok(performance.now() - started < 1000);
});
