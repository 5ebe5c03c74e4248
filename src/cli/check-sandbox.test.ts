// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

import { AshlarError } from "../base/index.ts";
import { makeEntries, memoryContents } from "../assemble/testing/make-package.ts";
import { defaultLimits, type Sandbox, type SandboxRun } from "../sandbox/index.ts";
import { memoryStore } from "../store/index.ts";
import { CircumstancesWatch, circumstancesOf, describeSeen, sandboxVariable } from "./check-sandbox.ts";

const contents = memoryContents();
const shell = { "usr/bin/date": "", "usr/bin/ls": "", "usr/bin/dash": "" };

/** A host that gives its sandbox another name and clock, and neither fewer processors nor another order. */
function halfAble(runs: SandboxRun[]): Sandbox {
  return {
    backend: "memory",
    identity: "root",
    attach: () => Promise.resolve(0),
    run: (request) => {
      runs.push(request);
      const { hostName = "localhost", clockSeconds = 0 } = request.circumstances ?? {};
      const log = Buffer.from(`${hostName}\n2\n${1_700_000_000 + clockSeconds}\nabc  -\n`);
      return Promise.resolve({ exitCode: 0, tree: request.root, log });
    },
  };
}

function request(root: Readonly<Record<string, string>>): SandboxRun {
  return {
    root: makeEntries(root, contents.putText),
    platform: "linux/amd64",
    command: { argv: ["dpkg", "--configure", "-a"] },
    limits: defaultLimits,
    circumstances: { hostName: "elsewhere", cpus: 1, clockSeconds: 400 * 86_400, directoryOrder: "reversed" },
    pack: memoryStore().beginPack(),
  };
}

test("CircumstancesWatch measures once, in the first root with a shell, what circumstances change", async () => {
  const runs: SandboxRun[] = [];
  const watch = new CircumstancesWatch();
  const sandbox = watch.over(halfAble(runs));
  await sandbox.run(request({ "etc/x": "" }));
  assert.deepEqual([runs.length, watch.seen], [1, undefined]);
  await sandbox.run(request(shell));
  await watch.over(halfAble(runs)).run(request(shell));
  const argv = runs.map(({ command, circumstances }) =>
    [command.argv[0], circumstances !== undefined].join(" "),
  );
  assert.deepEqual(argv, ["dpkg true", "/bin/sh false", "/bin/sh true", "dpkg true", "dpkg true"]);
  assert.deepEqual(describeSeen(watch.seen ?? assert.fail("nothing seen"), 2), {
    varied: ["the host name in the sandbox", "the clock in the sandbox"],
    kept: ["the processors in the sandbox (2 of 2)", "the order of directories in the sandbox"],
  });
});

test("CircumstancesWatch spares runs a clock that they hang with, and tries again what fails", async () => {
  const runs: SandboxRun[] = [];
  const fussy: Sandbox = {
    ...halfAble([]),
    run: (one) => {
      runs.push(one);
      const { clockSeconds = 0, directoryOrder } = one.circumstances ?? {};
      if (clockSeconds !== 0)
        return Promise.reject(new AshlarError("SANDBOX_TIMEOUT", "Cannot run: it takes long"));
      const exitCode = directoryOrder === undefined ? 0 : 1;
      return Promise.resolve({ exitCode, tree: one.root, log: new Uint8Array() });
    },
  };
  const watch = new CircumstancesWatch();
  const varied = async (root: Readonly<Record<string, string>>): Promise<string[]> => {
    runs.length = 0;
    assert.equal((await watch.over(fussy).run(request(root))).exitCode, 0);
    return runs.map(({ circumstances }) =>
      Object.keys(circumstances ?? {})
        .sort()
        .join(" "),
    );
  };
  const all = "clockSeconds cpus directoryOrder hostName";
  assert.deepEqual(await varied({ "etc/x": "" }), [all, "cpus hostName"]);
  const jemalloc = { "usr/lib/x86_64-linux-gnu/libjemalloc.so.2": "" };
  assert.deepEqual(await varied(jemalloc), ["cpus directoryOrder hostName", "cpus hostName"]);
  assert.ok(runs.every(({ limits }, i) => limits.seconds === (i === 0 ? 600 : defaultLimits.seconds)));
});

test("describeSeen says in how many runs what was kept", () => {
  const plain = { hostName: "localhost", cpus: 2, clockSeconds: 0, order: "a" };
  const varied = { hostName: "elsewhere", cpus: 1, clockSeconds: 400 * 86_400, order: "b" };
  const { kept } = describeSeen({ plain, varied, runs: 20, withoutClock: 3, withoutBoth: 1 }, 2);
  assert.deepEqual(kept, [
    "the clock in 3 of 20 runs: programs there hang with libfaketime",
    "clock and order of directories in 1 of 20 runs: they did not end well with them",
  ]);
});

test("CircumstancesWatch passes other faults on, and a run that fails without circumstances too", async () => {
  const full: Sandbox = {
    ...halfAble([]),
    run: () => Promise.reject(new AshlarError("SANDBOX_DISK", "full")),
  };
  await assert.rejects(new CircumstancesWatch().over(full).run(request({})), { code: "SANDBOX_DISK" });
  const failing: Sandbox = {
    ...halfAble([]),
    run: ({ root }) => Promise.resolve({ exitCode: 3, tree: root, log: new Uint8Array() }),
  };
  assert.equal((await new CircumstancesWatch().over(failing).run(request({}))).exitCode, 3);
});

test("CircumstancesWatch leaves a build without circumstances alone", async () => {
  const runs: SandboxRun[] = [];
  const { circumstances: _none, ...plain } = request(shell);
  const watch = new CircumstancesWatch();
  await watch.over(halfAble(runs)).run(plain);
  assert.deepEqual([runs.length, watch.seen], [1, undefined]);
});

test("circumstancesOf reads what a check asks of its second build", () => {
  const world = { cwd: "/", nowSeconds: 0, out: () => {}, err: () => {}, errIsTerminal: false, columns: 80 };
  assert.equal(circumstancesOf({ ...world, env: {} }), undefined);
  const env = { [sandboxVariable]: '{"hostName":"elsewhere","cpus":1}' };
  assert.deepEqual(circumstancesOf({ ...world, env }), { hostName: "elsewhere", cpus: 1 });
});
