// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { loadCompressor, makeTree } from "../formats/index.ts";
import { openStore } from "./disk-store.ts";
import { freshDirs } from "./testing/fresh-dir.ts";
import { symlinkEntry } from "./testing/sample.ts";

const freshDir = freshDirs();
const compressor = await loadCompressor();
const checkoutCount = 300;

/** Removes all links of a store as fast as it can, as garbage collection does with those that no checkout has. */
const removing = `
  const { readdirSync, rmSync } = require("node:fs");
  const links = process.argv[1];
  process.stdout.write("ready");
  for (;;) for (const dir of readdirSync(links)) {
    for (const name of readdirSync(links + "/" + dir)) rmSync(links + "/" + dir + "/" + name, { force: true });
  }
`;

test("a checkout is made although its links go as soon as they are there", async () => {
  const dir = freshDir();
  const store = openStore(dir, { compressor });
  const tree = store.putTree(makeTree(["a", "b", "c"].map((path) => symlinkEntry(path, `to-${path}`))));
  store.checkout(tree, freshDir(), { mode: "link" });
  const args = ["-e", removing, join(dir, "links")];
  const remover = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(remover, "exit");
  try {
    await once(remover.stdout, "data");
    const base = freshDir();
    for (let i = 0; i < checkoutCount; i++) {
      const root = join(base, String(i));
      store.checkout(tree, root, { mode: "link" });
      assert.equal(readlinkSync(join(root, "c")), "to-c");
      assert.ok(lstatSync(join(root, "a")).isSymbolicLink());
    }
  } finally {
    remover.kill("SIGKILL");
    await ended;
    store.close();
  }
});
