// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { type ImagePath, parsePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { captureArgs, onlyCaptured } from "./captures.ts";
import type { Upper } from "./upper.ts";

function dir(path: string): Entry {
  return { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0, type: "dir", path: parsePath(path) };
}

function upper(
  paths: readonly string[],
  whiteouts: readonly string[] = [],
  opaque: readonly string[] = [],
): Upper {
  const set = (list: readonly string[]): Set<ImagePath> => new Set(list.map((path) => parsePath(path)));
  return {
    entries: new Map(paths.map((path) => [parsePath(path), dir(path)])),
    whiteouts: set(whiteouts),
    opaque: set(opaque),
  };
}

function names({ entries, whiteouts, opaque }: Upper): object {
  return { entries: [...entries.keys()], whiteouts: [...whiteouts], opaque: [...opaque] };
}

test("captureArgs asks tar for everything, or for paths and the directories on the way", () => {
  assert.deepEqual(captureArgs(undefined), ["."]);
  assert.deepEqual(captureArgs(["/out", "/a/b/c", "/out/deeper", "/-x"]), [
    ...["--recursion", "./-x", "./a/b/c", "./out"],
    ...["--no-recursion", "./a", "./a/b", "."],
  ]);
});

test("onlyCaptured leaves a directory on the way as the root has it, and takes one that is new", () => {
  const captured = upper(["a", "a/b", "a/b/c"]);
  assert.deepEqual(names(onlyCaptured(captured, ["/a/b/c"], makeTree([dir("a")]))), {
    ...{ entries: ["a/b", "a/b/c"], whiteouts: [], opaque: [] },
  });
  assert.equal(onlyCaptured(captured, undefined, []), captured);
});

test("onlyCaptured: what is wanted is gone with a directory on the way, and nothing else of it", () => {
  const root = makeTree([dir("a"), dir("a/b"), dir("a/other")]);
  assert.deepEqual(names(onlyCaptured(upper([], ["a"]), ["/a/b"], root)), {
    ...{ entries: [], whiteouts: ["a/b"], opaque: [] },
  });
  assert.deepEqual(names(onlyCaptured(upper(["a", "a/b"], [], ["a"]), ["/a/b"], root)), {
    ...{ entries: ["a/b"], whiteouts: [], opaque: ["a/b"] },
  });
});
