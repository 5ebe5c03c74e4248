// SPDX-License-Identifier: Apache-2.0
// Keeps the promise that an interrupted command ends cleanly and keeps what is complete, and at once when asked twice.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startTestRegistry } from "../../src/registry/testing/test-registry.ts";
import { openStore } from "../../src/store/index.ts";
import { makeFixture } from "../fixture.ts";
import { build, makePlace } from "../run-build.ts";
import { startAshlar, startScript } from "./child.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-interruption-"));
after(() => rmSync(base, { recursive: true, force: true }));

/** Within the second frame of the fixture's large file. */
const stallAfter = 3_400_000;

for (const how of ["idle", "busy"]) {
  test(`the second signal ends a process that is ${how} and goes on after the first`, async () => {
    const child = startScript("test/crash/interrupted-child.ts", [how]);
    const seen = child.process.stdout as NodeJS.ReadableStream;
    await once(seen, "data");
    child.process.kill("SIGINT");
    await once(seen, "data");
    await sleep(50);
    assert.equal(child.process.exitCode, null);
    child.process.kill("SIGINT");
    const { status, signal } = await child.ended;
    assert.deepEqual({ status, signal }, { status: null, signal: "SIGINT" });
  });
}

test("an interrupted pull ends with 130 and keeps the files that came; the next one fetches the rest", async () => {
  await using registry = await startTestRegistry();
  const at = makePlace(await makeFixture(), base);
  const images = await build(at, { args: ["--image", "web", "--platform", "linux/amd64"] });
  const { name } = images.at(-1) as (typeof images)[number];
  const ref = `${registry.host}/team/web:1`;
  const options = { cwd: at.base, env: { HOME: at.base } };
  assert.equal((await startAshlar(["push", name, ref, `--store=${at.store}`], options).ended).status, 0);
  const pull = ["pull", ref, "--platform", "linux/amd64"];
  registry.requests.length = 0;
  assert.equal((await startAshlar([...pull, `--store=${join(base, "whole")}`], options).ended).status, 0);
  const wholeBytes = registry.sentBytes();
  // The largest answer stops in the middle; the others come.
  registry.requests.length = 0;
  let stalled = false;
  registry.options = {
    mischief({ headers }) {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(String(headers["range"])) ?? [];
      if (!(Number(to) - Number(from) > stallAfter)) return undefined;
      stalled = true;
      return { stallAfter };
    },
  };
  const store = `--store=${join(base, "cut")}`;
  const first = startAshlar([...pull, store], options);
  while (!(stalled as boolean)) await sleep(20);
  await sleep(500);
  first.process.kill("SIGINT");
  const { status, err } = await first.ended;
  assert.equal(status, 130, err);
  assert.match(err, /INTERRUPTED/);
  registry.options = {};
  registry.requests.length = 0;
  const second = await startAshlar([...pull, store], options).ended;
  assert.equal(second.status, 0, second.err);
  assert.ok(registry.sentBytes() < wholeBytes - 3_000_000, `${registry.sentBytes()} of ${wholeBytes}`);
  const opened = openStore(join(base, "cut"));
  assert.deepEqual(opened.fsck({ full: true }).faults, []);
  opened.close();
});
