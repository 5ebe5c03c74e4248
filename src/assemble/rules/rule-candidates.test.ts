// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { parsePath } from "../../base/index.ts";
import { ruleCandidates } from "./rule-candidates.ts";

const first = Date.UTC(2026, 10, 21) / 1000;
const second = first + 400 * 86_400;
const runs = { clocks: [first, second], hostNames: ["localhost", "elsewhere"], cpus: [2, 1] };

type Bytes = string | Uint8Array | undefined;

function kinds(path: string, a: Bytes, b: Bytes): string[] {
  const [x, y] = [a, b].map((one) => (typeof one === "string" ? Buffer.from(one, "latin1") : one));
  return ruleCandidates(parsePath(path), { a: x, b: y }, runs).map(({ kind }) => kind);
}

function stamp(seconds: number, big = false): Uint8Array {
  const bytes = Buffer.from("MAGIC\0\0\0........tail\0");
  if (big) bytes.writeUInt32BE(seconds, 8);
  else bytes.writeUInt32LE(seconds, 8);
  return bytes;
}

/** What two runs left, and what it should be taken for. */
const cases: readonly (readonly [
  title: string,
  path: string,
  a: Bytes,
  b: Bytes,
  kinds: readonly string[],
])[] = [
  ["a log", "var/log/tool.log", "x\n", "y\n", ["log"]],
  ["a log that one run has", "var/log/tool.log", "x\n", undefined, ["log"]],
  ["a cache", "var/cache/tool/aux-cache", "x\0", "y\0", ["cache"]],
  ["an ISO date", "etc/x", "made 2026-11-21T09:50 here\n", "made 2027-12-26T09:50 here\n", ["date"]],
  [
    "date -R",
    "etc/x",
    "# Sat, 21 Nov 2026 09:51:00 +0000\n",
    "# Sun, 26 Dec 2027 09:51:07 +0000\n",
    ["date"],
  ],
  ["a date with month first", "etc/x", "Nov 21 09:51\n", "Dec 26 09:51\n", ["date"]],
  ["a day in one word", "etc/x", "serial 20261121\n", "serial 20271226\n", ["date"]],
  ["seconds", "etc/x", `t=${first + 5}\n`, `t=${second + 90}\n`, ["date"]],
  ["milliseconds", "etc/x", `t=${first + 5}123\n`, `t=${second + 90}456\n`, ["date"]],
  ["a number that is no time", "etc/x", "t=1000000007\n", "t=1000000009\n", []],
  ["a date in a line that is the same", "etc/x", "2026-11-21\na\n", "2026-11-21\nb\n", []],
  ["a host name", "etc/x", "host = localhost\n", "host = elsewhere\n", ["host name"]],
  ["processors", "etc/x", "jobs: 2\n", "jobs: 1\n", ["processors"]],
  ["another number", "etc/x", "jobs: 7\n", "jobs: 9\n", []],
  ["lines in another order", "etc/x", "a\nb\nc\n", "c\na\nb\n", ["order"]],
  ["words in another order", "etc/x", "list: a, b, c\n", "list: c, a, b\n", ["order"]],
  ["a random number", "etc/x", "id=3f2a77b09c1d\n", "id=99ab01cd23ef\n", ["random"]],
  [
    "a key",
    "srv/k.pem",
    "-----BEGIN PRIVATE KEY-----\nA1b2C3d4E5\n",
    "-----BEGIN PRIVATE KEY-----\nZ9y8X7w6V5\n",
    ["secret", "random"],
  ],
  ["a time in bytes", "usr/lib/x.bin", stamp(first + 3), stamp(second + 3), ["date"]],
  [
    "a time in bytes, big end first",
    "usr/lib/x.bin",
    stamp(first + 3, true),
    stamp(second + 3, true),
    ["date"],
  ],
  ["other bytes", "usr/lib/x.bin", stamp(7), stamp(9), []],
  ["a date in bytes", "usr/lib/x.bin", "\0\0built Nov 21 2026\0", "\0\0built Dec 26 2027\0", ["date"]],
  ["a database", "var/lib/x/state", "SQLite format 3\0a\0", "SQLite format 3\0b\0", ["database"]],
  ["compiled Python", "usr/lib/x.pyc", "\0a", "\0b", ["bytecode"]],
  ["plain words", "etc/x", "yes\n", "no\n", []],
];

test("ruleCandidates says what a difference looks like", () => {
  for (const [title, path, a, b, want] of cases) assert.deepEqual(kinds(path, a, b), want, title);
});

test("ruleCandidates says it in words", () => {
  const contents = { a: Buffer.from("on 2026-11-21\n"), b: Buffer.from("on 2027-12-26\n") };
  const [date] = ruleCandidates(parsePath("etc/x"), contents, runs);
  assert.deepEqual(date, { kind: "date", what: 'it holds the date "2026-11-21"' });
});

test("ruleCandidates ends for any bytes, in time that goes with their length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      ruleCandidates(parsePath("etc/x"), { a, b }, runs);
    }),
  );
  const started = process.cpuUsage();
  for (const text of [
    "1".repeat(1 << 20),
    "a \n".repeat(300_000),
    "2026-1".repeat(100_000),
    "Nov  ".repeat(200_000),
  ]) {
    kinds("etc/x", text, `${text}!`);
    kinds("etc/x", text, text.split("").reverse().join(""));
  }
  assert.ok(process.cpuUsage(started).user < 10_000_000);
});
