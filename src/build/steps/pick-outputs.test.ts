// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { dumpTree, makeEntries, memoryContents } from "../../assemble/testing/make-package.ts";
import { isAshlarError, parsePath } from "../../base/index.ts";
import { pickOutputs } from "./pick-outputs.ts";

const contents = memoryContents();
const out = makeEntries(
  {
    "bin/server": { text: "elf", mode: 0o4711, uid: 1000, mtimeSeconds: 9, xattrs: { "user.a": "eA==" } },
    "bin/tool": { hardlink: "bin/server" },
    "lib/": { mode: 0o700 },
    "lib/liba.so.1": { text: "so", mode: 0o600 },
    "lib/liba.so": { link: "liba.so.1" },
    "site/.well-known/x": "dotted",
    "site/index.html": "html",
    "notes.txt": "n",
  },
  contents.putText,
);

const cases: readonly (readonly [outputs: readonly string[], paths: readonly string[]])[] = [
  [["bin/server"], ["bin", "bin/server"]],
  [["lib"], ["lib", "lib/liba.so", "lib/liba.so.1"]],
  [["lib/"], ["lib", "lib/liba.so", "lib/liba.so.1"]],
  [
    ["*.txt", "bin/*"],
    ["bin", "bin/server", "bin/tool", "notes.txt"],
  ],
  [["site/**"], ["site", "site/.well-known", "site/.well-known/x", "site/index.html"]],
  [["**/*.so*"], ["lib", "lib/liba.so", "lib/liba.so.1"]],
  [["."], out.map(({ path }) => path)],
];

for (const [outputs, paths] of cases) {
  test(`pickOutputs takes for ${outputs.join(" and ")} just what they mean`, () => {
    assert.deepEqual(
      pickOutputs(out, outputs, "s").map(({ path }) => path as string),
      paths,
    );
  });
}

test("pickOutputs gives plain files: no owners, times, attributes, set-user-id or hard links", () => {
  assert.deepEqual(dumpTree(pickOutputs(out, ["bin", "lib"], "s"), contents), [
    "/bin dir 0755 0:0",
    '/bin/server file 0755 0:0 "elf"',
    '/bin/tool file 0755 0:0 "elf"',
    "/lib dir 0755 0:0",
    "/lib/liba.so -> liba.so.1",
    '/lib/liba.so.1 file 0644 0:0 "so"',
  ]);
  assert.ok(
    pickOutputs(out, ["."], "s").every((entry) => entry.mtimeSeconds === 0 && entry.xattrs === undefined),
  );
});

test("pickOutputs refuses what is not there, with what is, and devices", () => {
  for (const missing of ["server", "bin/serve", "*.md", "bin/server/x"]) {
    assert.throws(
      () => pickOutputs(out, ["bin/server", missing], "s"),
      (error) =>
        isAshlarError(error, "BUILD_STEP_OUTPUT") &&
        error.message.includes(`"${missing}"`) &&
        error.hint?.includes("bin/server") === true,
    );
  }
  assert.throws(
    () => pickOutputs([], ["x"], "s"),
    (error) => isAshlarError(error, "BUILD_STEP_OUTPUT") && error.hint?.includes("nothing") === true,
  );
  const meta = { mode: 0o600, uid: 0, gid: 0, mtimeSeconds: 0, path: parsePath("null") };
  for (const entry of [
    { ...meta, type: "char" as const, major: 1, minor: 3 },
    { ...meta, type: "fifo" as const },
  ]) {
    assert.throws(
      () => pickOutputs([entry], ["null"], "s"),
      (error) => isAshlarError(error, "BUILD_STEP_OUTPUT"),
    );
    assert.equal(pickOutputs([...out, entry], ["notes.txt"], "s").length, 1);
  }
});
