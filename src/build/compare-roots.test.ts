// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { makeEntries, memoryContents, type EntrySpec } from "../assemble/testing/make-package.ts";
import { compareTrees } from "./compare-roots.ts";

const store = memoryContents();
const runs = { clocks: [], hostNames: ["elsewhere"], cpus: [] };

function compared(a: Readonly<Record<string, EntrySpec>>, b: Readonly<Record<string, EntrySpec>>): unknown[] {
  const side = (specs: typeof a): Parameters<typeof compareTrees>[0] => ({
    store,
    tree: makeEntries(specs, store.putText),
  });
  return compareTrees(side(a), side(b), runs).map(({ path, offset, what, candidates }) =>
    [
      `${path}${offset === undefined ? "" : `@${offset}`}: ${what}`,
      ...candidates.map(({ kind }) => kind),
    ].join(", "),
  );
}

test("compareTrees names each path that differs, in order, how, and what it looks like", () => {
  const a = {
    "etc/b": "same, x",
    "etc/a": "x",
    "var/log/x": "l",
    l: { link: "etc/a" },
    o: { text: "" },
    t: "f",
  };
  const b = {
    "etc/b": "same, elsewhere",
    "etc/a": { text: "x", mode: 0o600 },
    l: { link: "etc/b" },
    o: { uid: 3 },
    t: { link: "f" },
    z: "",
  };
  assert.deepEqual(compared(a, b), [
    "etc/a: the mode is 0644 and 0600",
    "etc/b@6: the content differs, host name",
    "l: it leads to etc/a and etc/b",
    "o: the owner is 0:0 and 3:0",
    "t: it is a file and a symlink",
    "var: only the first build has it",
    "var/log: only the first build has it",
    "var/log/x: only the first build has it, log",
    "z: only the second build has it",
  ]);
  assert.deepEqual(compared(a, a), []);
});
