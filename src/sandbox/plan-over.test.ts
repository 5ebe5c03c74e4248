// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { digestOf, parsePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { planOver } from "./plan-over.ts";

const meta = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

function dir(path: string, mode = 0o755): Entry {
  return { ...meta, mode, type: "dir", path: parsePath(path) };
}

function file(path: string, text: string, more: object = {}): Entry {
  const content = digestOf(Buffer.from(text));
  return { ...meta, type: "file", path: parsePath(path), content, sizeBytes: text.length, ...more };
}

function link(path: string, target: string): Entry {
  return { ...meta, type: "hardlink", path: parsePath(path), target: parsePath(target) };
}

function plan(near: readonly Entry[], root: readonly Entry[]): { over: string[]; gone: readonly string[] } {
  const { tree, gone } = planOver(makeTree(near), makeTree(root));
  return { over: tree.map((entry) => entry.path), gone };
}

const base = [dir("d"), file("d/a", "1"), file("d/b", "2"), dir("e"), file("e/x", "3")];

test("planOver: equal trees need nothing", () => {
  assert.deepEqual(
    plan(
      base,
      base.map((entry) => ({ ...entry })),
    ),
    { over: [], gone: [] },
  );
});

test("planOver lays what is new or differs over, with its directories", () => {
  const root = [
    ...base.filter((entry) => entry.path !== "d/a"),
    file("d/a", "9"),
    dir("n"),
    file("n/y", "4"),
  ];
  assert.deepEqual(plan(base, root), { over: ["d", "d/a", "n", "n/y"], gone: [] });
});

test("planOver takes a change of owner, mode, time or attributes for a difference", () => {
  for (const more of [
    { mode: 0o600 },
    { uid: 1 },
    { gid: 1 },
    { mtimeSeconds: 1 },
    { xattrs: { "user.a": "YQ==" } },
  ]) {
    assert.deepEqual(plan([file("a", "1")], [file("a", "1", more)]), { over: ["a"], gone: [] });
    assert.deepEqual(plan([file("a", "1", more)], [file("a", "1")]), { over: ["a"], gone: [] });
  }
});

test("planOver hides what is gone, once for all that is below, in its directory", () => {
  const root = [dir("e"), file("e/x", "3")];
  assert.deepEqual(plan(base, root), { over: [], gone: ["d"] });
  assert.deepEqual(
    plan(
      base,
      base.filter((entry) => entry.path !== "d/b"),
    ),
    { over: ["d"], gone: ["d/b"] },
  );
});

test("planOver need not hide what lies below something that is no directory any more", () => {
  assert.deepEqual(plan(base, [file("d", "5"), dir("e"), file("e/x", "3")]), { over: ["d"], gone: [] });
});

test("planOver lays a whole group of hard links over when a name joins or leaves", () => {
  const group = [file("a", "1"), link("b", "a")];
  assert.deepEqual(plan([file("a", "1")], group), { over: ["a", "b"], gone: [] });
  assert.deepEqual(plan([...group, link("c", "a")], [...group, file("c", "1")]), {
    over: ["a", "b", "c"],
    gone: [],
  });
});
