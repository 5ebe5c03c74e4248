// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parsePackages } from "./packages-index.ts";

const stanzas = [
  "Package: aa\nDescription: mentions late\n early\nDepends: lib-late, x | middle (>= 1)\nSuggests: early\n",
  "Package: bb\nDepends: other:any, late,\n wrapped:amd64\n",
  "Package: middle\n",
  "Package: zz\nSource: a0 (1)\nPre-Depends: zeroth\n",
];

function order(texts: readonly string[], names: readonly string[]): string[] {
  const index = parsePackages(Buffer.from(texts.join("\n")), { architecture: "amd64", source: "suite" });
  const key = (name: string): string => index.firstMention(name);
  return [...names].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

const names = ["nowhere", "bb", "wrapped", "late", "early", "middle", "aa", "zeroth", "zz"];
const expected = ["zz", "zeroth", "aa", "middle", "early", "bb", "late", "wrapped", "nowhere"];

test("firstMention orders names by source package, package, field and place", () => {
  assert.deepEqual(order(stanzas, names), expected);
});

test("firstMention does not depend on the order of the stanzas", () => {
  assert.deepEqual(order(stanzas.toReversed(), names), expected);
});

test("firstMention passes over parts of names, other fields, and name:any", () => {
  const index = parsePackages(Buffer.from(stanzas.join("\n")), { architecture: "amd64", source: "suite" });
  for (const name of ["lib", "mentions", "other", "Package"]) {
    assert.equal(index.firstMention(name), index.firstMention("nowhere"), name);
  }
});
