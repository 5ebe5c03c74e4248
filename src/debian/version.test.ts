// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { isAshlarError } from "../base/index.ts";
import { comparePairsByDpkg, hasTool, validateByDpkg } from "./testing/dpkg.ts";
import { compareVersions, parseVersion } from "./version.ts";

/** [older, newer] */
const ordered: readonly (readonly [string, string])[] = [
  // deb-version(7): the tilde, and the example given there
  ["1.0~beta1~svn1245", "1.0~beta1"],
  ["1.0~beta1", "1.0"],
  ["1~~", "1~~a"],
  ["1~~a", "1~"],
  ["1~", "1"],
  ["1", "1a"],
  // letters before other characters
  ["1.0a", "1.0+"],
  ["1.0-1a", "1.0-1+b1"],
  ["1.0Z", "1.0a"],
  // numbers by value, whatever their length
  ["1.2", "1.10"],
  ["1.9", "1.10"],
  ["1.00000000000000000000001", "1.2"],
  ["1.99999999999999999999998", "1.99999999999999999999999"],
  // epochs
  ["9.9", "1:0.1"],
  ["1:9", "2:1"],
  ["9:1", "10:1"],
  // revisions; upstream versions with hyphens
  ["1.0", "1.0-1"],
  ["1.0-1", "1.0-1.1"],
  ["1.0-9", "1.0-1-1"],
  // archive practice: binary rebuilds, security, backports
  ["1.22.1-9~bpo11+1", "1.22.1-9"],
  ["1.22.1-9", "1.22.1-9+b1"],
  ["1.22.1-9+b1", "1.22.1-9+deb12u1"],
  ["2.36-9+deb12u9", "2.36-9+deb12u10"],
  ["7.88.1-10+deb12u8", "8.0"],
];

const equal: readonly (readonly [string, string])[] = [
  ["1.0", "1.0-0"],
  ["0", "00"],
  ["0:1", "1"],
  ["1.0", "1.00"],
  ["1.01", "1.1"],
  ["1.0-00", "1.0"],
  ["00:1-01", "1-1"],
];

test("compareVersions orders as deb-version(7) says", () => {
  for (const [older, newer] of ordered) {
    assert.ok(compareVersions(older, newer) < 0, `${older} << ${newer}`);
    assert.ok(compareVersions(newer, older) > 0, `${newer} >> ${older}`);
  }
  for (const [a, b] of equal) assert.equal(compareVersions(a, b), 0, `${a} = ${b}`);
});

const upstream = fc.stringMatching(/^[0-9][0-9a-cA-B.+~-]{0,6}$/);
const revision = fc.stringMatching(/^[0-9a-c.+~]{1,4}$/);
const anyVersion = fc
  .record({
    epoch: fc.option(fc.nat(2), { nil: undefined }),
    upstream,
    revision: fc.option(revision, { nil: undefined }),
  })
  .map((parts) => {
    const epoch = parts.epoch === undefined ? "" : `${parts.epoch}:`;
    return `${epoch}${parts.upstream}${parts.revision === undefined ? "" : `-${parts.revision}`}`;
  })
  .filter((text) => !text.endsWith("-"));

test("compareVersions agrees with dpkg on random pairs", (t) => {
  if (!hasTool(t, "dpkg")) return;
  const pairs = fc.sample(fc.tuple(anyVersion, anyVersion), { numRuns: 200, seed: 1 });
  const near = [...ordered, ...equal];
  const all = [...pairs, ...near, ...near.map(([a, b]) => [b, a] as const)];
  const wanted = comparePairsByDpkg(all);
  const actual = all.map(([a, b]) => Math.sign(compareVersions(a, b)));
  const wrong = all.filter((_, at) => wanted[at] !== actual[at]);
  assert.equal(wanted.length, all.length);
  assert.deepEqual(wrong, []);
});

test("compareVersions is an order", () => {
  fc.assert(
    fc.property(anyVersion, anyVersion, anyVersion, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("parseVersion splits epoch, upstream version and revision", () => {
  assert.deepEqual(parseVersion("2:1.0-rc1-3~x"), { epoch: 2, upstream: "1.0-rc1", revision: "3~x" });
  assert.deepEqual(parseVersion("1.0"), { epoch: 0, upstream: "1.0", revision: undefined });
  assert.deepEqual(parseVersion("0:1:2-1"), { epoch: 0, upstream: "1:2", revision: "1" });
});

test("parseVersion refuses what dpkg refuses", () => {
  const bad = [
    "",
    ":1",
    "a:1",
    "1:",
    "1-",
    "-1",
    "a1",
    "1 2",
    "1_2",
    "1-1_2",
    "1/2",
    "1\n",
    "é",
    "99999999999:1",
    "1-1:2",
  ];
  for (const text of bad) {
    assert.throws(
      () => parseVersion(text),
      (error) => isAshlarError(error, "DEBIAN_VERSION_INVALID"),
      JSON.stringify(text),
    );
  }
  assert.throws(
    () => parseVersion("1".repeat(1 << 20)),
    (error) => isAshlarError(error, "DEBIAN_VERSION_INVALID"),
  );
});

test("compareVersions takes a megabyte of version in linear time", () => {
  const long = "1.".repeat(1 << 19);
  const started = performance.now();
  assert.ok(compareVersions(`${long}1`, `${long}2`) < 0);
  assert.ok(performance.now() - started < 1000);
});

test("parseVersion takes exactly what dpkg --validate-version takes", (t) => {
  if (!hasTool(t, "dpkg")) return;
  const texts = fc.sample(fc.stringMatching(/^[0-9a:~+.-]{1,6}$|^[0-9]:?[0-9a.:-]{0,5}[/_@]?$/), {
    numRuns: 150,
    seed: 1,
  });
  const wanted = validateByDpkg(texts);
  assert.ok(wanted.includes(true) && wanted.includes(false));
  for (const [at, text] of texts.entries()) assert.equal(isValid(text), wanted[at], JSON.stringify(text));
});

function isValid(text: string): boolean {
  try {
    parseVersion(text);
    return true;
  } catch {
    return false;
  }
}
