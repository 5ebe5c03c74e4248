// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { asNobody, missing } from "./testing/place.ts";

// The same contract as a user who is not root, in a process of its own.

const suite = join(import.meta.dirname, "testing", "rootless-suite.ts");
const node = [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  "--test",
  "--test-reporter=tap",
  suite,
];

const needed = ["newuidmap", "perl", "getfattr"];

for (const backend of ["crun", "runc", "bwrap"] as const) {
  test(`${backend} keeps its contract without root`, { skip: missing(backend, ...needed) }, () => {
    const { status, text } = asNobody(node, { BACKEND: backend });
    assert.equal(status, 0, text.split("\n").slice(-200).join("\n"));
    assert.match(text, new RegExp(`^# Subtest: ${backend} rootless: `, "m"));
    assert.match(text, /^# skipped 0$/m);
  });
}
