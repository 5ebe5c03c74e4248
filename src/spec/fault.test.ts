// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { didYouMean, showDataPath } from "./fault.ts";

const words = ["name", "from", "packages", "platforms", "updates", "to", "mode"];

test("didYouMean finds slips of the finger and leaves other words alone", () => {
  const meant = ["nmae", "pakages", "Packages", "form", "update", "mod", "system", "x", "", "packet", "ot"];
  assert.deepEqual(
    meant.map((word) => didYouMean(word, words)),
    ["name", "packages", "packages", "from", "updates", "mode", undefined, undefined, undefined, undefined, "to"],
  );
  assert.equal(didYouMean("y".repeat(100_000), words), undefined);
});

test("showDataPath writes positions and odd keys so that they can be found", () => {
  assert.equal(showDataPath([]), "the spec");
  assert.equal(showDataPath(["app", 0, "copy", "to"]), "app[0].copy.to");
  assert.equal(showDataPath(["config", "labels", "a.b c"]), 'config.labels["a.b c"]');
});
