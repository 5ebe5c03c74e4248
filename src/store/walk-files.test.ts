// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { digestOf } from "../base/index.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { sample } from "./testing/sample.ts";
import { digestOfFile, readFile, walkFiles } from "./walk-files.ts";

const freshDir = freshDirs();

/** Runs a step as somebody who is not root. */
function asNobody<T>(step: () => T): T {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return step();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test("walkFiles and digestOfFile pass over what they may not read, and tell how much", () => {
  const dir = freshDir();
  chmodSync(dirname(dir), 0o755);
  mkdirSync(join(dir, "shut"), { recursive: true });
  writeFileSync(join(dir, "shut/x"), "x");
  for (const name of ["open", "closed"]) writeFileSync(join(dir, name), name);
  chmodSync(join(dir, "closed"), 0);
  chmodSync(join(dir, "shut"), 0);
  let skipped = 0;
  const found = asNobody(() => {
    const files = [...walkFiles(dir, { except: "/none", onSkip: () => void skipped++ })];
    return files.map(({ path, stats }) => [path, digestOfFile(join(dir, path), stats.size)]);
  });
  chmodSync(join(dir, "shut"), 0o700);
  assert.deepEqual(new Map(found as [string, string][]), new Map([["open", digestOf("open")], ["closed", undefined]]));
  assert.equal(skipped, 1);
});

test("digestOfFile reads files around the size of its buffer, and none of another size than it is told", () => {
  const dir = freshDir();
  mkdirSync(dir);
  for (const size of [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20]) {
    const bytes = sample(size, size);
    const path = join(dir, String(size));
    writeFileSync(path, bytes);
    assert.equal(digestOfFile(path, size), digestOf(bytes));
    assert.equal(digestOfFile(path, size + 1), undefined);
    assert.equal(size > 0 && digestOfFile(path, size - 1), size > 0 ? undefined : false);
    const pieces: Buffer[] = [];
    assert.equal(readFile(path, size, (piece) => void pieces.push(Buffer.from(piece))), true);
    assert.ok(Buffer.concat(pieces).equals(bytes));
    assert.equal(readFile(path, size + 1, () => {}), false);
  }
});

test("digestOfFile neither hangs on a fifo nor follows a link nor reads without end", () => {
  const dir = freshDir();
  mkdirSync(dir);
  execFileSync("mkfifo", [join(dir, "fifo")]);
  writeFileSync(join(dir, "file"), "text");
  symlinkSync("file", join(dir, "link"));
  for (const name of ["fifo", "link", "absent", "file/below"]) {
    assert.equal(digestOfFile(join(dir, name), 4), undefined, name);
    assert.equal(readFile(join(dir, name), 4, () => {}), false, name);
  }
  assert.equal(digestOfFile("/dev/zero", 4), undefined);
});
