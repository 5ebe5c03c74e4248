// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";

import { freshDirs } from "../store/testing/fresh-dir.ts";
import { bringDownload, copyProject } from "./check-copy.ts";

const fresh = freshDirs();

test("copyProject keeps contents, links and who may execute, and leaves out what no image can hold", async () => {
  const [from, to] = [fresh(), fresh()];
  mkdirSync(join(from, "sub/out"), { recursive: true });
  writeFileSync(join(from, "sub/plain"), "plain", { mode: 0o640 });
  writeFileSync(join(from, "run"), "run");
  chmodSync(join(from, "run"), 0o755);
  linkSync(join(from, "run"), join(from, "hard"));
  symlinkSync("../nowhere", join(from, "sub/link"));
  writeFileSync(join(from, "sub/out/index.json"), "{}");
  const server = createServer().listen(join(from, "socket"));
  await new Promise((resolve) => server.on("listening", resolve));
  copyProject(from, to, new Set([join(from, "sub/out")]));
  server.close();
  assert.equal(readFileSync(join(to, "sub/plain"), "utf8"), "plain");
  assert.equal(lstatSync(join(to, "sub/plain")).mode & 0o777, 0o600);
  assert.equal(lstatSync(join(to, "run")).mode & 0o777, 0o700);
  assert.equal(lstatSync(join(to, "hard")).mode & 0o777, 0o700);
  assert.equal(readlinkSync(join(to, "sub/link")), "../nowhere");
  for (const absent of ["sub/out", "socket"]) {
    assert.equal(lstatSync(join(to, absent), { throwIfNoEntry: false }), undefined, absent);
  }
});

test("bringDownload links for the same user, copies for another, and says when there is nothing", () => {
  const [from, to] = [fresh(), fresh()];
  mkdirSync(from);
  writeFileSync(join(from, "deb"), "deb");
  assert.equal(bringDownload(join(from, "deb"), join(to, "a/linked"), { link: true }), true);
  assert.equal(lstatSync(join(from, "deb")).nlink, 2);
  assert.equal(bringDownload(join(from, "deb"), join(to, "a/copied"), { link: false }), true);
  assert.equal(lstatSync(join(from, "deb")).nlink, 2);
  assert.equal(bringDownload(join(from, "none"), join(to, "a/none"), { link: true }), false);
});
