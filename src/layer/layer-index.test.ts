// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, isAshlarError } from "../base/index.ts";
import { encodeLayerIndex, type LayerIndex, parseLayerIndex, prefixOf } from "./layer-index.ts";

const index: LayerIndex = {
  hasDirectories: true,
  headBytes: 300,
  parts: [
    { prefix: prefixOf(digestOf("a")), nodes: [{ prefix: prefixOf(digestOf("a")), storedBytes: 5 }] },
    {
      prefix: prefixOf(digestOf("b")),
      nodes: [
        { prefix: prefixOf(digestOf("c")), storedBytes: 127 },
        { prefix: prefixOf(digestOf("d")), storedBytes: 128 },
        { prefix: prefixOf(digestOf("e")), storedBytes: 3_000_000_000 },
      ],
    },
  ],
};

test("a layer index comes back as it was", () => {
  assert.deepEqual(parseLayerIndex(encodeLayerIndex(index)), index);
  const none = { hasDirectories: false, headBytes: 0, parts: [] };
  assert.deepEqual(parseLayerIndex(encodeLayerIndex(none)), none);
});

test("parseLayerIndex refuses what ends early, goes on or lies about its counts", () => {
  const bytes = Buffer.from(encodeLayerIndex(index), "base64");
  const refusedText = (text: string): void =>
    assert.throws(() => parseLayerIndex(text), (error) => isAshlarError(error, "LAYER_INDEX_INVALID"));
  const refused = (input: Uint8Array): void => refusedText(Buffer.from(input).toString("base64"));
  refusedText("no base64!");
  for (let length = 0; length < bytes.length; length++) refused(bytes.subarray(0, length));
  refused(Buffer.concat([bytes, Buffer.from([0])]));
  refused(Buffer.concat([bytes.subarray(0, 2), Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x0f])]));
  const flagged = Buffer.from(bytes);
  flagged[1] = 2;
  refused(flagged);
});
