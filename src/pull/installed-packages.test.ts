// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type Digest, digestOf, limits } from "../base/index.ts";
import { type FileEntry, makeTree } from "../formats/index.ts";
import { file } from "../registry/testing/sample-image.ts";
import { hasCode } from "../store/testing/sample.ts";
import { readForeignPackages } from "./installed-packages.ts";

const stanza = (i: number): string => `Package: p${i}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n`;

/** The entry says that it is large; what is read is not, so that the test is fast. */
function claim(path: string): FileEntry {
  return { ...(file(path, "x")[0] as FileEntry), sizeBytes: limits.textBytesMax };
}

for (const [name, claims] of [
  ["lists", Array.from({ length: 17 }, (_, i) => claim(`var/lib/dpkg/info/p${i}.list`))],
  ["databases", Array.from({ length: 5 }, (_, i) => claim(`var/lib/dpkg/status.d/q${i}`))],
] as const) {
  test(`readForeignPackages refuses ${name} that are one large content again and again`, () => {
    const [status, bytes] = file("var/lib/dpkg/status", Array.from({ length: 20 }, (_, i) => stanza(i)).join("\n"));
    const read = (content: Digest): Uint8Array => (content === digestOf(bytes) ? bytes : Buffer.from("x: y\n"));
    assert.equal(readForeignPackages(makeTree([status, ...claims.slice(0, 3)]), read).installed.length, 20);
    assert.throws(() => readForeignPackages(makeTree([status, ...claims]), read), hasCode("BUILD_BASE_DPKG"));
  });
}
