// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import type { AppItem } from "../spec/index.ts";
import { rootOnly } from "./accounts.ts";
import { appTree } from "./app-tree.ts";
import { memoryProject } from "./project-files.ts";
import { dumpTree, makeEntries, memoryContents } from "./testing/make-package.ts";

const contents = memoryContents();
const files = {
  "bin/server": { text: "elf", executable: true },
  "site/.well-known/x": "dotted",
  "site/index.html": "html",
};
const outputs = new Map([["build", { ...memoryProject(files, contents.put), isWhole: true }]]);

function place(items: readonly Omit<Extract<AppItem, { kind: "output" }>, "kind" | "step">[]): string[] {
  const below = { tree: makeEntries({ "usr/bin/": {} }, contents.putText), owners: new Map() };
  const app = items.map((item): AppItem => ({ kind: "output", step: "build", ...item }));
  const project = memoryProject({ "bin/server": "the project's" }, contents.put);
  const options = { accounts: rootOnly, project, outputs, contents, mtimeSeconds: 5 };
  return dumpTree(appTree(below, app, options).tree, contents);
}

test("appTree places an output: a file at a path, with mode and owner", () => {
  assert.deepEqual(
    place([{ from: ["bin/server"], to: "/usr/bin/app" }]).at(-1),
    '/usr/bin/app file 0755 0:0 "elf"',
  );
  const owned = place([{ from: ["bin/server"], to: "/usr/bin/app", mode: "0510", owner: "33" }]);
  assert.deepEqual(owned.at(-1), '/usr/bin/app file 0510 33:33 "elf"');
  assert.deepEqual(place([{ from: ["bin/server"], to: "/opt/" }]).at(1), '/opt/server file 0755 0:0 "elf"');
});

test("appTree places a directory of outputs with all that is in it, dotted names too", () => {
  for (const from of ["site", "site/**"]) {
    assert.deepEqual(place([{ from: [from], to: "/srv/" }]).slice(0, 4), [
      "/srv dir 0755 0:0",
      "/srv/.well-known dir 0755 0:0",
      '/srv/.well-known/x file 0644 0:0 "dotted"',
      '/srv/index.html file 0644 0:0 "html"',
    ]);
  }
});

test("appTree says which outputs there are where one is missing", () => {
  assert.throws(
    () => place([{ from: ["server"], to: "/usr/bin/app" }]),
    (error) => isAshlarError(error, "ASSEMBLE_APP_EMPTY"),
  );
});
