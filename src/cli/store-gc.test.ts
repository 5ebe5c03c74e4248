// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseDuration } from "./verbs/store-gc.ts";

test("parseDuration takes seconds, minutes, hours and days, and 0", () => {
  const texts = ["0", "0s", "90s", "15m", "1h", "14d"];
  assert.deepEqual(texts.map(parseDuration), [0, 0, 90_000, 900_000, 3_600_000, 1_209_600_000]);
  for (const text of ["", "5", "-1h", "1.5h", "1h30m", "1w", " 1h", "1234567d"]) {
    assert.throws(() => parseDuration(text), { code: "USAGE_DURATION" });
  }
});
