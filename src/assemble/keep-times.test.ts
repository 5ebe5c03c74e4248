// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Entry } from "../formats/index.ts";
import { keepTimes } from "./keep-times.ts";
import { mergeTrees } from "./merge-trees.ts";
import { makePackage, memoryContents } from "./testing/make-package.ts";

const contents = memoryContents();
const upper = mergeTrees([makePackage("p", { files: { "a/same": "1", "a/other": "2" } }, contents)], { contents });
const older = (entry: Entry): Entry => ({ ...entry, mtimeSeconds: 77 });

test("keepTimes takes the entry below where only the time differs, and leaves the rest", () => {
  const below = upper.tree.map((entry) => (entry.path === "a/other" ? { ...older(entry), mode: 0o600 } : older(entry)));
  const { tree, owners } = keepTimes(below, upper);
  assert.deepEqual(
    tree.map((entry) => [entry.path, entry.mtimeSeconds]),
    [
      ["a", 77],
      ["a/other", 0],
      ["a/same", 77],
    ],
  );
  assert.equal(owners, upper.owners);
});

test("keepTimes returns the same tree where there is nothing to do", () => {
  assert.equal(keepTimes([], upper), upper);
  assert.equal(keepTimes(upper.tree, upper), upper);
});
