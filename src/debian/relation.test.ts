// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { isAshlarError } from "../base/index.ts";
import { parseRelations, type Relation } from "./relation.ts";

const cases: readonly (readonly [string, unknown])[] = [
  ["", []],
  ["libc6", [[{ name: "libc6" }]]],
  ["libc6 (>= 2.36)", [[{ name: "libc6", version: { op: ">=", version: "2.36" } }]]],
  [
    "a(<<1:2-3~x),b ( = 2 )",
    [
      [{ name: "a", version: { op: "<<", version: "1:2-3~x" } }],
      [{ name: "b", version: { op: "=", version: "2" } }],
    ],
  ],
  // dpkg reads the old spellings with equality
  [
    "a (< 1), b (> 1)",
    [
      [{ name: "a", version: { op: "<=", version: "1" } }],
      [{ name: "b", version: { op: ">=", version: "1" } }],
    ],
  ],
  // bookworm: nginx-common, init-system-helpers, gcc
  [
    "nginx-common (<< 1.22.1-9.1~), iproute2 | net-tools",
    [
      [{ name: "nginx-common", version: { op: "<<", version: "1.22.1-9.1~" } }],
      [{ name: "iproute2" }, { name: "net-tools" }],
    ],
  ],
  [
    "python3:any (>= 3.11~)",
    [[{ name: "python3", archQualifier: "any", version: { op: ">=", version: "3.11~" } }]],
  ],
  // Debian Policy 7.1, source packages
  [
    "foo [linux-any !hurd-i386] <!nocheck> <stage1 cross>,\n bar",
    [
      [
        {
          name: "foo",
          architectures: ["linux-any", "!hurd-i386"],
          profiles: [["!nocheck"], ["stage1", "cross"]],
        },
      ],
      [{ name: "bar" }],
    ],
  ],
  ["a,\n b ,", [[{ name: "a" }], [{ name: "b" }]]],
];

test("parseRelations reads groups, versions, qualifiers and restrictions", () => {
  for (const [text, wanted] of cases) assert.deepEqual(parseRelations(text), wanted, text);
});

test("parseRelations refuses what is no relation, with the place", () => {
  const bad = [
    ",a",
    "a,,b",
    "a|",
    "a |",
    "|a",
    "a b",
    "a (1)",
    "a (>= )",
    "a (>= 1",
    "a (>= 1) (<< 2)",
    "a [amd64",
    "a <x",
    "(>= 1)",
    "a; b",
    "a:b:c",
    "a (>= 1/2)",
    "ä",
  ];
  for (const text of bad) {
    assert.throws(
      () => parseRelations(text),
      (error) => isAshlarError(error, "DEBIAN_RELATION_INVALID"),
      text,
    );
  }
  assert.throws(() => parseRelations("libc6, b c"), /at character 10, want a comma/);
});

test("parseRelations is linear in hostile texts and bounded", () => {
  const long = 400_000;
  const hostile = [" ", "a ", "a (", "a (>= 1", "a <", "a [", "<a>", "a,", "a|", "((((", "a <b> "].map(
    (part) => part.repeat(long / part.length),
  );
  for (const text of hostile) {
    const started = performance.now();
    try {
      parseRelations(text);
    } catch (error) {
      assert.ok(isAshlarError(error, "DEBIAN_RELATION_INVALID"));
    }
    assert.ok(performance.now() - started < 1000, text.slice(0, 10));
  }
  assert.throws(
    () => parseRelations("a,".repeat(1 << 20)),
    (error) => isAshlarError(error, "DEBIAN_RELATION_INVALID"),
  );
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,5}$/);
const version = fc.option(
  fc.record(
    {
      op: fc.constantFrom("<<", "<=", "=", ">=", ">>"),
      version: fc.stringMatching(/^[0-9][0-9a-z.~+-]{0,4}$/),
    },
    { noNullPrototype: true },
  ),
  { nil: undefined },
);

test("parseRelations gives back what was written", () => {
  const relation: fc.Arbitrary<Relation> = fc
    .record({ name, version }, { noNullPrototype: true })
    .map((item) =>
      item.version === undefined ? { name: item.name } : { name: item.name, version: item.version },
    );
  fc.assert(
    fc.property(fc.array(fc.array(relation, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), (groups) => {
      const write = (item: Relation): string =>
        item.version === undefined ? item.name : `${item.name} (${item.version.op} ${item.version.version})`;
      assert.deepEqual(
        parseRelations(groups.map((group) => group.map(write).join(" | ")).join(", ")),
        groups,
      );
    }),
    { seed: 1, numRuns: 200 },
  );
});
