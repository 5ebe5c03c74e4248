// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import { archive, member } from "../formats/testing/tar-bytes.ts";
import { LayerTarParser } from "./layer-tar-parser.ts";

const tar = archive(member({ name: "a" }, "one"), member({ name: "b" }));
const index = archive(member({ name: "stargz.index.json" }, "{}"));

/** Names that a reader sees, whatever the pieces in which the tar comes. */
function namesOf(bytes: Uint8Array): string[] {
  const all = [1, 100, 512, 700, bytes.length].map((size) => {
    const names: string[] = [];
    const entry = ({ name }: { readonly name: string }): void => void names.push(name);
    const parser = new LayerTarParser({ entry, data: () => {}, endEntry: () => {} });
    for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
    parser.finish();
    return names.join(" ");
  });
  assert.equal(new Set(all).size, 1);
  return (all[0] as string).split(" ");
}

test("LayerTarParser takes a tar with, without and far beyond its end mark", () => {
  for (const bytes of [tar, tar.subarray(0, -1024), Buffer.concat([tar, Buffer.alloc(8_700)])]) {
    assert.deepEqual(namesOf(bytes), ["a", "b"]);
  }
});

test("LayerTarParser does not see a table of contents of eStargz behind the end mark", () => {
  assert.deepEqual(namesOf(Buffer.concat([tar, index])), ["a", "b"]);
  assert.deepEqual(namesOf(Buffer.concat([tar, Buffer.alloc(8_192), index])), ["a", "b"]);
});

test("LayerTarParser sees one that stands in front of it as what it is, a file", () => {
  assert.deepEqual(namesOf(Buffer.concat([tar.subarray(0, -1024), index])), ["a", "b", "stargz.index.json"]);
});

test("LayerTarParser refuses anything else behind the end mark", () => {
  const behind = [
    Buffer.from("x"),
    archive(member({ name: "c" })),
    Buffer.concat([index, index]),
    Buffer.concat([index.subarray(0, -1024), index]),
    Buffer.concat([Buffer.alloc(100), index]),
    index.subarray(0, -1024),
    index.subarray(0, 700),
    archive(member({ name: "stargz.index.json", type: "2", linkName: "x" })),
  ];
  for (const bytes of behind) {
    const read = (): unknown => namesOf(Buffer.concat([tar, bytes]));
    assert.throws(read, (error) => isAshlarError(error) && error.code.startsWith("FORMATS_TAR_"));
  }
});
