// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { parseRelease } from "./release.ts";

const hex = "4d1204730f4a838260199c707f8d6f3cb6255ec4a9be539a0fc664b78178cf55";
const fields: Readonly<Record<string, string>> = {
  Origin: "Debian",
  Label: "Debian",
  Suite: "oldstable",
  Version: "12.15",
  Codename: "bookworm",
  Date: "Sat, 09 Nov 2024 10:09:55 UTC",
  "Acquire-By-Hash": "yes",
  "No-Support-for-Architecture-all": "Packages",
  Architectures: "all amd64 arm64",
  Components: "main contrib",
  MD5Sum: `\n 0123 5 main/x`,
  SHA256: `\n ${hex} 1234 main/binary-amd64/Packages\n ${hex}   12 main/Contents-all.gz`,
};

function release(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const lines = Object.entries({ ...fields, ...changes }).filter(([, value]) => value !== undefined);
  return lines.map(([name, value]) => `${name}: ${value}\n`).join("");
}

test("parseRelease reads what a Release file says", () => {
  const { files, ...rest } = parseRelease(release({ "Valid-Until": "Sun, 1 Dec 2024 00:00:00 UTC" }));
  assert.deepEqual(rest, {
    origin: "Debian",
    label: "Debian",
    suite: "oldstable",
    codename: "bookworm",
    version: "12.15",
    dateSeconds: 1_731_146_995,
    validUntilSeconds: 1_733_011_200,
    architectures: ["all", "amd64", "arm64"],
    components: ["main", "contrib"],
    acquireByHash: true,
    notAutomatic: false,
    noSupportForArchitectureAll: true,
  });
  assert.deepEqual(
    [...files],
    [
      ["main/binary-amd64/Packages", { digest: `sha256:${hex}`, sizeBytes: 1234 }],
      ["main/Contents-all.gz", { digest: `sha256:${hex}`, sizeBytes: 12 }],
    ],
  );
});

test("parseRelease takes a file listed twice with the same hash", () => {
  assert.equal(parseRelease(release({ SHA256: `\n ${hex} 1 a\n ${hex} 1 a` })).files.size, 1);
});

test("parseRelease refuses missing and malformed fields", () => {
  const other = hex.replaceAll("4", "5");
  const bad: readonly Readonly<Record<string, string | undefined>>[] = [
    { SHA256: undefined },
    { SHA256: "" },
    { SHA256: undefined, MD5Sum: `\n ${hex} 1 a` },
    { Date: undefined },
    { Suite: undefined, Codename: undefined },
    { SHA256: `\n ${hex} 1 a\n ${other} 1 a` },
    { SHA256: `\n ${hex} 1 a\n ${hex} 2 a` },
    { SHA256: `\n ${hex.slice(1)} 1 a` },
    { SHA256: `\n ${hex} -1 a` },
    { SHA256: `\n ${hex} 1e3 a` },
    { SHA256: `\n ${hex} 1` },
    { SHA256: `\n ${hex} ${"9".repeat(16)} a` },
    ...[
      "../a",
      "a/../../b",
      "/a",
      "a//b",
      "http://host/a",
      "a/./b",
      "a?b",
      "a%2e%2e/b",
      "a\\b",
      "..",
      "-a\u0301",
    ].map((path) => ({
      SHA256: `\n ${hex} 1 ${path}`,
    })),
    ...[
      "yesterday",
      "Sat, 09 Nov 2024 10:09:55",
      "Sat, 09 Nov 2024 10:09:55 CET",
      "Sat, 09 Nov 2024 10:09:55 +0100",
      "Sat, 31 Feb 2024 10:09:55 UTC",
      "Sat, 09 Nov 2024 25:09:55 UTC",
      "Sat, 09 Nov 2024 10:61:55 UTC",
      "Sat, 09 Nov 0024 10:09:55 UTC",
      "Sat, 09 Foo 2024 10:09:55 UTC",
    ].flatMap((date) => [{ Date: date }, { "Valid-Until": date }]),
  ];
  for (const changes of bad) {
    assert.throws(
      () => parseRelease(release(changes)),
      (error) => isAshlarError(error, "DEBIAN_RELEASE_INVALID"),
      JSON.stringify(changes),
    );
  }
});

test("parseRelease refuses no stanza, two stanzas and doubled fields", () => {
  assert.throws(
    () => parseRelease(""),
    (error) => isAshlarError(error, "DEBIAN_RELEASE_INVALID"),
  );
  assert.throws(
    () => parseRelease(`${release()}\n${release()}`),
    (error) => isAshlarError(error, "DEBIAN_RELEASE_INVALID"),
  );
  assert.throws(
    () => parseRelease(`${release()}sha256:\n ${hex} 1 b\n`),
    (error) => isAshlarError(error, "DEBIAN_CONTROL_INVALID"),
  );
});
