// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { digestOf } from "../../src/base/index.ts";
import { nameRef } from "../../src/image/index.ts";
import { openStore } from "../../src/store/index.ts";
import { describeDisk } from "../long/disk-tree.ts";
import { type CommandEnded, runCommand } from "../run-command.ts";
import type { BuilderWork, Step, StepDone } from "./builder-work.ts";

/** A builder: does the steps of its work from one on, proves each, and says so. `FILE FROM` */
const work = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as BuilderWork;
const { store, home, owner, expected } = work;

for (let step = Number(process.argv[3]); step < work.steps.length; step++) {
  const waitMs = waitForLease();
  const start = performance.now();
  await take(work.steps[step] as Step);
  const done: StepDone = { step, timeMs: Math.round(performance.now() - start), waitMs };
  // At once, so that what was said to be done is known when the next system call is the last.
  writeSync(1, `${JSON.stringify(done)}\n`);
}

function waitForLease(): number {
  const start = performance.now();
  const opened = openStore(store);
  opened.lease().release();
  opened.close();
  return Math.round(performance.now() - start);
}

async function take([kind, key]: Step): Promise<void> {
  const names = { built: `registry.example/${owner}/${key}`, pulled: `registry.example/${owner}/pulled-${key}` };
  switch (kind) {
    case "build":
      return build(key);
    case "pull": {
      const { last } = await must("pull", `${work.registry}/fleet/${key}`, "--name", names.pulled);
      assert.equal(last, `${names.pulled}@${expected[key]?.digest}`);
      return;
    }
    case "checkout": {
      const name = [names.pulled, names.built].find(isThere) ?? names.built;
      if (!isThere(name)) await build(key);
      const dir = join(home, "root");
      rmSync(dir, { recursive: true, force: true });
      await must("checkout", name, dir);
      assert.equal(digestOf(describeDisk(dir).join("\n")), expected[key]?.root, `root of ${name}`);
      return;
    }
    case "forget":
      return forget(Object.values(names));
  }
}

async function build(key: string): Promise<void> {
  const { out } = await must("build", work.project, "--frozen", "--json", "--image", key);
  const { images } = JSON.parse(out) as { images: { digest: string }[] };
  assert.equal(images.at(-1)?.digest, expected[key]?.digest, `digest of ${key}`);
}

async function must(...args: readonly string[]): Promise<CommandEnded> {
  const ended = await runCommand({ store, home, env: { ASHLAR_MIRROR: work.mirror } }, args);
  assert.equal(ended.status, 0, `${args.join(" ")}\n${ended.err}${ended.out}`);
  return ended;
}

function isThere(name: string): boolean {
  const opened = openStore(store);
  const target = opened.getRef(nameRef(name));
  opened.close();
  return target !== undefined;
}

function forget(names: readonly string[]): void {
  const opened = openStore(store);
  for (const { name } of opened.listRefs()) {
    if (names.some((one) => name === nameRef(one) || name.startsWith(`${nameRef(one)}@`))) opened.deleteRef(name);
  }
  opened.close();
}
