// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isAshlarError, parsePath } from "../base/index.ts";
import { type Entry, makeTree } from "../formats/index.ts";
import { memoryStore } from "../store/index.ts";
import type { SandboxMount } from "./sandbox.ts";
import { writeSessionMounts } from "./session-mounts.ts";
import { fileOf } from "./testing/host-root.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-mounts-"));
after(() => rmSync(base, { recursive: true, force: true }));
const file = join(base, "file");
writeFileSync(file, "");

const meta = { uid: 0, gid: 0, mtimeSeconds: 0 };
const dir = (path: string): Entry => ({ ...meta, type: "dir", path: parsePath(path), mode: 0o755 });
const link = (path: string, target: string): Entry => ({
  ...{ ...meta, type: "symlink", path: parsePath(path), target, mode: 0o777 },
});
const root = makeTree([
  ...[dir("etc"), dir("srv"), dir("usr"), fileOf(memoryStore(), "etc/file", "x")],
  ...[
    link("out", "/../../../../tmp/escaped"),
    link("var", "usr"),
    link("a", "b"),
    link("b", "a"),
    link("etc/up", "../srv"),
  ],
]);

/** The script, and the places that were made below the root, of a session with these mounts. */
function plan(
  mounts: readonly (readonly [string, string])[],
  cwd = "/",
): { script: string; made: (path: string) => boolean } {
  const place = mkdtempSync(join(base, "run-"));
  mkdirSync(join(place, "points"));
  const all: SandboxMount[] = mounts.map(([source, target]) => ({
    source,
    target,
    writable: !target.startsWith("/srv"),
  }));
  writeSessionMounts({ dir: place, root, mounts: all, cwd });
  return {
    script: readFileSync(join(place, "mounts.sh"), "utf8"),
    made: (path) => existsSync(join(place, "points", path)),
  };
}

test("writeSessionMounts mounts on what is there, and makes what is not in the lowest layer", () => {
  const { script, made } = plan([
    [base, "/srv"],
    [file, "/etc/file"],
    [base, "/new/dir"],
    [file, "/new/file"],
  ]);
  assert.match(
    script,
    /^mount --bind '\S+' 'root\/srv'\nmount -o remount,bind,nosuid,nodev,ro 'root\/srv'\n/,
  );
  assert.match(script, /^mount -o remount,bind,nosuid,nodev 'root\/etc\/file'$/m);
  assert.deepEqual(["srv", "etc", "new/dir", "new/file"].map(made), [false, false, true, true]);
});

test("writeSessionMounts follows symlinks of the image inside of it only", () => {
  const { script, made } = plan([
    [base, "/out/x"],
    [base, "/var/y"],
    [base, "/etc/up"],
  ]);
  assert.match(script, /'root\/tmp\/escaped\/x'/);
  assert.match(script, /^mkdir -p 'root\/tmp\/escaped\/x'$/m);
  assert.ok(made("usr/y"));
  assert.match(script, /'root\/srv'/);
  assert.ok(!existsSync("/tmp/escaped"));
});

test("writeSessionMounts quotes what a shell would take apart", () => {
  const odd = join(base, "it's $(odd)\n");
  mkdirSync(odd);
  const { script } = plan([[odd, "/srv/a b';c"]]);
  assert.ok(script.includes(`mount --bind '${odd.replaceAll("'", "'\\''")}' 'root/srv/a b'\\'';c'\n`));
});

test("writeSessionMounts makes the working directory unless it is there or mounted", () => {
  assert.ok(plan([], "/srv/here").made("srv/here"));
  assert.equal(plan([], "/srv").made("srv"), false);
  assert.equal(plan([], "/").script, "");
  assert.match(plan([], "/tmp/w").script, /^mkdir -p 'root\/tmp\/w'$/m);
  assert.equal(plan([[base, "/data"]], "/data/w").made("data/w"), false);
  assert.equal(statSync(base).isDirectory(), true);
});

const refused: readonly (readonly [string, readonly (readonly [string, string])[], RegExp])[] = [
  ["a source that is not there", [[join(base, "nosuch"), "/srv"]], /is not there/],
  ["a source that is a device", [["/dev/null", "/srv"]], /neither a directory nor a file/],
  ["the root", [[base, "/"]], /image's own files/],
  ["what leads to the root", [[base, "/etc/.."]], /image's own files/],
  ["a file system of the kernel", [[base, "/proc/sys"]], /image's own files/],
  ["a directory on a file", [[base, "/etc/file"]], /the image has a file there, want a dir/],
  ["a file on a directory", [[file, "/etc"]], /the image has a dir there, want a file/],
  ["a place below a file", [[base, "/etc/file/below"]], /"\/etc\/file" is a file/],
  ["a circle of symlinks", [[base, "/a/x"]], /circle/],
  [
    "two at one place",
    [
      [base, "/srv"],
      [base, "/etc/up"],
    ],
    /something else is mounted at "\/srv"/,
  ],
  [
    "one below another",
    [
      [base, "/srv"],
      [base, "/srv/x"],
    ],
    /something else is mounted at "\/srv"/,
  ],
];

for (const [title, mounts, fault] of refused) {
  test(`writeSessionMounts refuses ${title}`, () => {
    assert.throws(
      () => plan(mounts),
      (error) => isAshlarError(error, "SANDBOX_MOUNT") && fault.test(error.message),
    );
  });
}
