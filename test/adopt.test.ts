// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { ashlar } from "./programs.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "ashlar-adopt-")));
after(() => rmSync(root, { recursive: true }));
const [store, host] = [join(root, "store"), join(root, "host")];
mkdirSync(host);
for (const name of ["one", "two"]) writeFileSync(join(host, name), name);

function json(...args: string[]): unknown {
  const { status, out, err } = ashlar(store, ["store", "adopt", "--json", ...args]);
  assert.equal(status, 0, err);
  return JSON.parse(out);
}

test("store adopt reads a directory once, lists it and forgets it", () => {
  const [first] = json(host) as Record<string, unknown>[];
  assert.deepEqual([first?.["dir"], first?.["files"], first?.["readFiles"]], [host, 2, 2]);
  const [again] = json(host) as Record<string, unknown>[];
  assert.equal(again?.["readFiles"], 0);
  assert.deepEqual(json("--list"), [{ dir: host, files: 2, bytes: 6 }]);
  assert.match(ashlar(store, ["store", "stats"]).out, /^adopted files +2 +6 B$/m);
  assert.deepEqual(json("--forget", host), { forgot: host });
  assert.deepEqual(json("--list"), []);
});

test("store adopt says what it wants, and what it cannot adopt or forget", () => {
  for (const args of [[], [host, "--list"], ["--list", "--forget", host]]) {
    const { status, err } = ashlar(store, ["store", "adopt", ...args]);
    assert.equal(status, 2);
    assert.match(err, /error\[USAGE_ADOPT\].*\n.*ashlar store adopt \/usr/);
  }
  assert.match(ashlar(store, ["store", "adopt", join(host, "no")]).err, /STORE_ADOPT_DIR.*: there is none, want/);
  assert.match(ashlar(store, ["store", "adopt", "--forget", host]).err, /STORE_ADOPT_DIR.*it was not adopted/);
});

test("store fsck finds a damaged list of adopted files, and --repair removes it", () => {
  json(host);
  writeFileSync(join(store, "adopted.sqlite"), "no database ".repeat(1000));
  for (const name of ["adopted.sqlite-wal", "adopted.sqlite-shm"]) rmSync(join(store, name), { force: true });
  const found = ashlar(store, ["store", "fsck"]);
  assert.equal(found.status, 4, found.err);
  assert.match(found.out, /^adopted\.sqlite: .*\n1 fault$/m);
  const repaired = ashlar(store, ["store", "fsck", "--repair"]);
  assert.equal(repaired.status, 0, repaired.err);
  assert.match(repaired.out, /\n1 fault repaired as far as can be\nthe store is whole\n$/);
  assert.equal(ashlar(store, ["store", "fsck"]).status, 0);
});
