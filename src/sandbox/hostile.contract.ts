// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname } from "node:path";
import { test } from "node:test";

import { isAshlarError } from "../base/index.ts";
import type { Store } from "../store/index.ts";
import { defaultLimits } from "./limits.ts";
import { openSandbox } from "./open-sandbox.ts";
import type { SandboxBackend, SandboxLimits, SandboxResult } from "./sandbox.ts";
import { hostProgram, hostRoot } from "./testing/host-root.ts";
import { deniedLines, deniedScript, hostileScript } from "./testing/hostile.ts";
import { platform } from "./testing/place.ts";
import { storeSnapshot } from "./testing/store-snapshot.ts";
import { childrenOf } from "./usage.ts";

/** What is mounted, but for the file systems that other tests mount meanwhile. */
function lastingMounts(store: Store): string[] {
  const own = dirname(dirname(store.tmpDir));
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.filter((line) => !line.includes(" /tmp/") || line.includes(` ${own}`)).sort();
}

/** What nothing that runs inside may do, by any backend, as root or not. */
export function hostileContract(backend: SandboxBackend, store: Store, { greedy: isGreedy = true } = {}): void {
  const sandbox = openSandbox({ store, backend });
  const title = (text: string): string => `${backend} ${sandbox.identity}: ${text}`;
  const root = hostRoot(store, hostProgram(store, "/usr/bin/perl"));
  const near = store.putTree(root);

  async function run(
    argv: readonly string[],
    more: { limits?: Partial<SandboxLimits>; port?: number } = {},
  ): Promise<SandboxResult> {
    const pack = store.beginPack();
    const limits = { ...defaultLimits, seconds: 30, ...more.limits };
    const command = { argv, env: { LC_ALL: "C", PORT: `${more.port ?? 9}` } };
    try {
      return await sandbox.run({ root, near, platform, command, limits, pack });
    } finally {
      pack.abort();
    }
  }

  test(title("the calls that lead out are denied"), async () => {
    const { log } = await run(["/usr/bin/perl", "-e", deniedScript]);
    assert.deepEqual(Buffer.from(log).toString("utf8").trim().split("\n"), deniedLines);
  });

  test(title("nothing that a hostile script does reaches the store, the host or the network"), async () => {
    await run(["true"]);
    const before = storeSnapshot(store);
    const mounts = lastingMounts(store);
    let calls = 0;
    const server = createServer(() => calls++).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { exitCode, log, tree } = await run(["/usr/bin/perl", "-e", hostileScript], { port });
    server.close();
    assert.equal(Buffer.from(log).toString("utf8").split("\n").slice(-2)[0], "end");
    assert.equal(exitCode, 0);
    assert.equal(calls, 0);
    // It did do something, and only where it may.
    const passwd = tree.find((entry) => entry.path === "etc/passwd");
    assert.notDeepEqual(
      passwd,
      root.find((entry) => entry.path === "etc/passwd"),
    );
    for (const { path, type, xattrs } of tree) {
      assert.ok(type !== "char" && type !== "block", path);
      assert.ok(!Object.keys(xattrs ?? {}).some((name) => name.includes("overlay")), path);
    }
    assert.deepEqual(storeSnapshot(store), before);
    assert.deepEqual(lastingMounts(store), mounts);
    assert.deepEqual(childrenOf(process.pid), []);
    assert.deepEqual(readdirSync(store.tmpDir), []);
    assert.deepEqual(store.fsck({ full: true }).faults, []);
  });

  const greedy: readonly (readonly [title: string, script: string, limits: Partial<SandboxLimits>])[] = [
    ["bombs of processes", "f() { f | f & }; f 2>/dev/null; sleep 60", { processes: 300, seconds: 5 }],
    [
      "files without end",
      "i=0; while :; do i=$((i+1)); mkdir /d$i; : >/d$i/f; done",
      { diskBytes: 1 << 20, seconds: 5 },
    ],
    [
      "memory in /tmp",
      "yes >/tmp/f; yes >/dev/shm/f; cat /dev/zero >/run/f",
      { memoryBytes: 64 << 20, seconds: 5 },
    ],
    ["what ignores all signals", "trap '' TERM INT HUP QUIT; while :; do :; done", { seconds: 1 }],
  ];
  for (const [what, script, limits] of isGreedy ? greedy : []) {
    test(title(`${what} end in an error of ours or by themselves, with nothing left`), async () => {
      const start = performance.now();
      const ended = await run(["sh", "-c", script], { limits }).catch((error: unknown) => error);
      if (ended instanceof Error)
        assert.ok(isAshlarError(ended) && /^SANDBOX_[A-Z]+$/.test(ended.code), String(ended));
      else assert.notEqual((ended as SandboxResult).exitCode, 0);
      assert.ok(performance.now() - start < 25_000);
      assert.deepEqual(readdirSync(store.tmpDir), []);
      assert.deepEqual(childrenOf(process.pid), []);
    });
  }
}
