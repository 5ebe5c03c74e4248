// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { parsePath } from "../base/index.ts";
import type { BuildDifference, PathDifference } from "../build/index.ts";
import { differs } from "./check-report.ts";

const circumstances = {
  user: undefined,
  wrapper: [],
  env: {},
  umask: 0o22,
  cwd: "/",
  varied: ["the clock"],
  kept: ["the user"],
};
const place = { image: "web", platform: "linux/amd64" };
const first: BuildDifference = {
  ...{ ...place, part: "layer", layer: "packages", path: "etc/a", offset: 7, within: "content" },
  what: "the content is x and y",
};

function path(name: string, kind?: "date"): PathDifference {
  const candidates = kind === undefined ? [] : [{ kind, what: 'it holds the date "2026-11-21"' }];
  return { ...place, path: parsePath(name), offset: 7, what: "the content differs", candidates };
}

test("differs names the first difference, every other path, and what each looks like", () => {
  const error = differs(
    { differences: [first], paths: [path("etc/a"), path("etc/b", "date")] },
    circumstances,
  );
  assert.equal(error.code, "CHECK_DIFFERS");
  assert.deepEqual(error.because, [
    'web, linux/amd64, layer "packages", /etc/a, byte 7 of the content: the content is x and y',
    'web, linux/amd64, /etc/b, from byte 7: the content differs; it holds the date "2026-11-21"',
    "varied in the second build: the clock",
  ]);
  assert.match(error.hint ?? "", /docs\/determinism-rules\.md/);
  assert.deepEqual(error.details["pathCount"], 2);
  assert.deepEqual(error.details["kept"], ["the user"]);
});

test("differs shows a bounded number of paths and counts the rest", () => {
  const paths = Array.from({ length: 12_000 }, (_, i) => path(`srv/${i}`));
  const { because, details } = differs({ differences: [first], paths }, circumstances);
  assert.deepEqual([because.length, because.at(-2)], [33, "and 11970 more paths"]);
  assert.equal((details["paths"] as unknown[]).length, 10_000);
});
