// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { parseTree } from "../src/formats/index.ts";
import { describeRoot } from "./describe-root.ts";
import { makeFixture } from "./fixture.ts";
import { ashlar, missing, must, run } from "./programs.ts";
import { build, makePlace } from "./run-build.ts";

const place = makePlace(await makeFixture());
const out = mkdtempSync(join(place.base, "out-"));
const images = await build(place, { args: ["--platform", "linux/amd64"] });
const [first, last] = [images[0]?.name as string, images.at(-1)?.name as string];
after(() => rmSync(place.base, { recursive: true, force: true }));

const main = ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "../src/cli/main.ts")];

/** The user of a namespace who is nobody special: owns what root made, and may not chown. */
const asUser = ["--user", "--map-user=1000", "--map-group=1000"];
const noUsers = spawnSync("unshare", [...asUser, "true"]).status === 0 ? false : "needs user namespaces (unshare)";

test("checkout without root is exact but for owners, and writes the true tree beside", { skip: noUsers }, () => {
  const [dir, store] = [join(out, "rootless"), join(out, "store")];
  // Of its own: owners have other numbers outside the namespace.
  must("cp", ["-a", place.store, store]);
  const args = [...asUser, process.execPath, ...main, "checkout", last, dir, `--store=${store}`];
  must("unshare", args);
  const tree = parseTree(readFileSync(`${dir}.tree`));
  must("unshare", [...args, "--update"]);
  const owners = new Set(tree.map(({ uid, gid }) => `${uid}:${gid}`));
  assert.ok(owners.size > 1, "the sample has files of others");
  for (const entry of tree) {
    const { mode } = lstatSync(join(dir, entry.path));
    if (entry.type !== "symlink") assert.equal(mode & 0o7777, entry.mode, entry.path);
  }
  rmSync(`${dir}.tree`);
  must("unshare", [...args, "--update", "--no-metadata"]);
  assert.equal(existsSync(`${dir}.tree`), false);
});

/** Kills the command after so many milliseconds; tells whether it was done by then. */
async function killAfter(args: readonly string[], milliseconds: number): Promise<boolean> {
  const child = spawn(process.execPath, [...main, ...args, `--store=${place.store}`], { stdio: "ignore" });
  const ended = once(child, "exit") as Promise<[number | null]>;
  await sleep(milliseconds);
  child.kill("SIGKILL");
  return (await ended)[0] === 0;
}

const killedTitle = "checkout --update that is killed at any moment is finished by the next";
test(killedTitle, { skip: missing(["getfattr"]) }, async () => {
  const dirs = new Map<string, string[]>();
  for (const name of [first, last]) {
    const fresh = join(out, `fresh-${dirs.size}`);
    assert.equal(ashlar(place.store, ["checkout", name, fresh]).status, 0);
    dirs.set(name, describeRoot(fresh));
  }
  for (const copy of [[], ["--copy"]]) {
    const dir = join(out, `killed${copy.length}`);
    let cut = 0;
    for (let round = 0; round < 14; round++) {
      const name = round % 2 === 0 ? last : first;
      const args = ["checkout", name, dir, "--update", ...copy];
      if (!(await killAfter(args, 40 + round * 12))) cut++;
      if (round % 3 < 2) continue;
      const { status, err } = run(process.execPath, [...main, ...args, `--store=${place.store}`]);
      assert.equal(status, 0, err);
      assert.deepEqual(describeRoot(dir), dirs.get(name));
    }
    assert.ok(cut > 0, "some were killed before they were done");
  }
  const { status, out: faults } = ashlar(place.store, ["store", "fsck", "--full"]);
  assert.equal(status, 0, faults);
});
