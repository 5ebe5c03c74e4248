// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { dumpTree } from "../../assemble/testing/make-package.ts";
import { isAshlarError } from "../../base/index.ts";
import { archive, member } from "../../formats/testing/tar-bytes.ts";
import type { MemoryRun } from "../../sandbox/index.ts";
import { makeStepRig, type Program, plainFiles } from "./testing/step-rig.ts";

const zlib = archive(
  member({ name: "zlib-1/zlib.c" }, "one\n"),
  member({ name: "zlib-1/configure", mode: "0000755\0" }, ""),
);

/** Stands in for patch: writes what it was given behind the file, and for make. */
function programOf(roots: MemoryRun[], patch: (input: string) => number = () => 0): Program {
  return (run) => {
    roots.push(run);
    if (run.command.argv[0] !== "patch") return { writes: { "out/server": "x" } };
    const input = Buffer.from(run.command.input ?? "").toString();
    run.onOutput(Buffer.from(`patching file ${input}`));
    return { writes: { [`src/${input.trim()}`]: "patched" }, exitCode: patch(input) };
  };
}

const patches = { "patches/a.diff": "zlib.c\n", "patches/b.diff": "new.c\n" };

test("sources are unpacked, patched in order and joined below the inputs", async () => {
  const runs: MemoryRun[] = [];
  using rig = makeStepRig(programOf(runs));
  const sources = [
    {
      url: "http://a.example/zlib.tar",
      sha256: rig.download(zlib),
      unpack: true,
      to: ".",
      patches: Object.keys(patches),
    },
    {
      url: "http://a.example/data",
      sha256: rig.download(Buffer.from("data")),
      unpack: false,
      to: "deep/data.bin",
      patches: [],
    },
  ];
  const files = { ...plainFiles, ...patches, "src/over.c": "mine" };
  await rig.make({ step: { sources, inputs: ["src/**"] }, files });
  const made = runs.at(-1) as MemoryRun;
  assert.deepEqual(rig.ran, ["patch", "patch", "make"]);
  const contents = { read: rig.store.read.bind(rig.store), put: rig.store.put.bind(rig.store) };
  assert.deepEqual(
    dumpTree(made.root, contents).filter((line) => line.startsWith("/src/")),
    [
      '/src/configure file 0755 0:0 ""',
      "/src/deep dir 0755 0:0",
      '/src/deep/data.bin file 0644 0:0 "data"',
      '/src/new.c file 0644 0:0 "patched"',
      "/src/src dir 0755 0:0",
      '/src/src/main.c file 0644 0:0 "int main;\\n"',
      '/src/src/over.c file 0644 0:0 "mine"',
      '/src/src/run.sh file 0755 0:0 "#!/bin/sh\\n"',
      '/src/zlib.c file 0644 0:0 "patched"',
    ],
  );
  assert.equal(
    new Set(made.root.filter(({ path }) => path.startsWith("src/")).map((entry) => entry.mtimeSeconds)).size,
    1,
  );
});

test("a patch is not applied again for another input, and for another patch only those after it are", async () => {
  using rig = makeStepRig(programOf([]));
  const sources = [
    {
      url: "http://a.example/z.tar",
      sha256: rig.download(zlib),
      unpack: true,
      to: ".",
      patches: Object.keys(patches),
    },
  ];
  await rig.make({ step: { sources }, files: { ...plainFiles, ...patches } });
  rig.ran.length = 0;
  await rig.make({ step: { sources }, files: { ...plainFiles, ...patches, "src/main.c": "int y;\n" } });
  assert.deepEqual(rig.ran, ["make"]);
  await rig.make({ step: { sources }, files: { ...plainFiles, ...patches, "patches/b.diff": "other.c\n" } });
  assert.deepEqual(rig.ran, ["make", "patch", "make"]);
});

test("a patch that does not apply is named, with what patch said", async () => {
  using rig = makeStepRig(programOf([], (input) => (input === "new.c\n" ? 1 : 0)));
  const sources = [
    {
      url: "http://a.example/z-1.tar",
      sha256: rig.download(zlib),
      unpack: true,
      to: ".",
      patches: Object.keys(patches),
    },
  ];
  await assert.rejects(rig.make({ step: { sources }, files: { ...plainFiles, ...patches } }), (error) => {
    assert.ok(isAshlarError(error, "BUILD_PATCH_FAILED"));
    assert.match(error.message, /patch "patches\/b\.diff" to source "z-1\.tar": exit code 1/);
    assert.equal(error.because[0], "| patching file new.c");
    return true;
  });
  assert.deepEqual(rig.ran, ["patch", "patch"]);
});

test("sources that meet as file and directory are refused", async () => {
  using rig = makeStepRig(programOf([]));
  const sources = [
    { url: "http://a.example/z.tar", sha256: rig.download(zlib), unpack: true, to: ".", patches: [] },
    {
      url: "http://a.example/d",
      sha256: rig.download(Buffer.from("d")),
      unpack: false,
      to: "zlib.c/d",
      patches: [],
    },
  ];
  await assert.rejects(rig.make({ step: { sources } }), (error) =>
    isAshlarError(error, "BUILD_SOURCE_CONFLICT"),
  );
});
