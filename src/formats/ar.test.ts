// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { type ByteReader, parseAr } from "./ar.ts";
import { hasPrograms, run } from "./testing/oracle.ts";

/** A reader that fails where a caller looks beyond the end. */
function reader(bytes: Uint8Array): ByteReader {
  return {
    sizeBytes: bytes.length,
    read(offset, length) {
      assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length, "read beyond the end");
      return bytes.subarray(offset, offset + length);
    },
  };
}

function member(name: string, data: string, parts: { size?: string; end?: string; pad?: string } = {}): string {
  const size = parts.size ?? String(data.length);
  const fields = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}`;
  const header = `${fields}${size.padEnd(10)}${parts.end ?? "`\n"}`;
  return header + data + (data.length % 2 === 1 ? (parts.pad ?? "\n") : "");
}

const parse = (text: string): ReturnType<typeof parseAr> => parseAr(reader(Buffer.from(text, "latin1")));
const deb = [
  "!<arch>\n",
  member("debian-binary", "2.0\n"),
  member("control.tar.xz", "abc"),
  member("data.tar.xz/", "12345"),
].join("");

test("parseAr lists members with their places", () => {
  assert.deepEqual(parse(deb), [
    { name: "debian-binary", offset: 68, sizeBytes: 4 },
    { name: "control.tar.xz", offset: 132, sizeBytes: 3 },
    { name: "data.tar.xz", offset: 196, sizeBytes: 5 },
  ]);
  assert.deepEqual(parse("!<arch>\n"), []);
  assert.equal(parse(deb.slice(0, -1)).length, 3, "the last padding may be missing");
});

test("parseAr reads what ar writes", (t) => {
  if (!hasPrograms(t, "ar")) return;
  const dir = mkdtempSync(join(tmpdir(), "ashlar-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const files = { "debian-binary": "2.0\n", "control.tar.gz": "odd", "data.tar.zst": "x".repeat(1001) };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  run("ar", ["qcSD", join(dir, "a.deb"), ...Object.keys(files).map((name) => join(dir, name))]);
  const bytes = readFileSync(join(dir, "a.deb"));
  const seen = parseAr(reader(bytes)).map(({ name, offset, sizeBytes }) => [
    name,
    bytes.toString("latin1", offset, offset + sizeBytes),
  ]);
  assert.deepEqual(seen, Object.entries(files));
});

test("parseAr refuses an archive that is cut anywhere but between members", () => {
  const ends = new Set([8, 72, 136, 202, deb.length - 1]);
  for (let length = 0; length < deb.length; length++) {
    if (ends.has(length) || length === 135) continue;
    assert.throws(
      () => parse(deb.slice(0, length)),
      (error) => isAshlarError(error, "FORMATS_AR_INVALID"),
      `cut at ${length}`,
    );
  }
});

test("parseAr refuses malformed members", () => {
  const bad = [
    member("a", "x", { size: "-1" }),
    member("a", "x", { size: "" }),
    member("a", "x", { size: "1x" }),
    member("a", "x", { size: "0x1" }),
    member("a", "x", { size: " 1" }),
    member("a", "x", { size: "9999999999" }),
    member("a", "x", { size: "3" }),
    member("a", "x", { end: "\n`" }),
    `${member("a", "x", { pad: "\0" })}${member("b", "")}`,
    member("", ""),
    member("/", ""),
    member("//", "long\n"),
    member("/12", ""),
    member("a/b", ""),
    member("#1/20", "x".repeat(20)),
    member("a\0b", ""),
    member("a b", ""),
    member("\xe4", ""),
    Array.from({ length: 65 }, (_, i) => member(`m${i}`, "")).join(""),
    "garbage",
    "\n",
  ];
  for (const text of bad)
    assert.throws(
      () => parse(`!<arch>\n${text}`),
      (error) => isAshlarError(error, "FORMATS_AR_INVALID"),
      JSON.stringify(text.slice(0, 70)),
    );
  for (const text of ["", "!<arch>", "!<thin>\n", deb.slice(1)])
    assert.throws(
      () => parse(text),
      (error) => isAshlarError(error, "FORMATS_AR_INVALID"),
    );
});
