// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";

import type { AshlarError, Digest } from "../base/index.ts";
import type { Tree } from "../formats/index.ts";
import type { Store } from "../store/index.ts";
import { defaultLimits } from "./limits.ts";
import { openSandbox } from "./open-sandbox.ts";
import type { SandboxBackend, SandboxLimits, SandboxResult, SandboxRun } from "./sandbox.ts";
import { changeLines } from "./testing/change-lines.ts";
import { fileOf, hostRoot } from "./testing/host-root.ts";
import { hasCode, platform } from "./testing/place.ts";
import { view, viewed } from "./testing/view.ts";

interface Ran {
  readonly exitCode: number;
  readonly log: string;
  readonly changes: readonly string[];
  readonly tree: Tree;
}

type More = Partial<Omit<SandboxRun, "limits">> & { readonly limits?: Partial<SandboxLimits> };

/** What every real backend does, as root or not; what scripts see must not depend on either. */
export function hostSandboxContract(backend: SandboxBackend, store: Store): void {
  const sandbox = openSandbox({ store, backend });
  const title = (text: string): string => `${backend} ${sandbox.identity}: ${text}`;
  const root = hostRoot(store);

  async function run(script: string, more: More = {}): Promise<Ran> {
    const pack = store.beginPack();
    let result: SandboxResult;
    try {
      const limits = { ...defaultLimits, ...more.limits };
      const command = { argv: ["sh", "-c", script], ...more.command };
      result = await sandbox.run({ root, platform, pack, ...more, command, limits });
      pack.commit();
    } finally {
      pack.abort();
    }
    const changes = changeLines(more.root ?? root, result.tree, store);
    return {
      exitCode: result.exitCode,
      log: Buffer.from(result.log).toString("utf8"),
      changes,
      tree: result.tree,
    };
  }

  test(title("all kinds of changes are captured"), async () => {
    const { changes, log } = await run(`
      echo new >etc/new; printf '' >etc/empty; mkdir -p a/b/c; echo deep >a/b/c/d; ln -s ../x a/link; mkfifo a/fifo
      chmod 4755 bin/busybox; chown 33:44 etc/passwd; chmod 1777 a; ln etc/new etc/again; rm -r var/mail
      echo more >>var/same-1; touch var/same-2 var; chmod 600 etc/shadow; chmod 640 etc/shadow
      chmod 750 usr/bin/capable; echo lost >tmp/x`);
    assert.equal(log, "");
    assert.deepEqual(changes, [
      "a dir 1777 0:0",
      "a/b dir 0755 0:0",
      "a/b/c dir 0755 0:0",
      'a/b/c/d file 0644 0:0 "deep\\n"',
      "a/fifo fifo 0644 0:0",
      "a/link symlink 0777 0:0 -> ../x",
      changes.find((line) => line.startsWith("bin/busybox file 4755 0:0 ")),
      'etc/again file 0644 0:0 "new\\n"',
      'etc/empty file 0644 0:0 ""',
      "etc/new hardlink 0644 0:0 -> etc/again",
      'etc/passwd file 0644 33:44 "root:x:0:0::/root:/bin/sh\\nwww:x:33:33::/:/bin/sh\\n"',
      'usr/bin/capable file 0750 0:0 "#!/bin/sh\\n" {"security.capability":"AAAAAgAgAAAAAAAAAAAAAAAAAAA="}',
      'var/same-1 file 0644 0:0 "same\\nmore\\n"',
      "- var/mail",
      "- var/mail/kept",
    ]);
  });

  test(title("directories are replaced, moved, and made files; names are bytes"), async () => {
    const { changes, log } = await run(`
      rm -r var/mail; mkdir var/mail; echo n >var/mail/n; mv usr usr2; rm etc/passwd; mkdir etc/passwd; rm etc/shadow
      ln -s nowhere etc/shadow; echo b >"$(printf 'etc/\\377\\303\\251 x')"; : >"etc/- --new
line"`);
    assert.equal(log, "");
    assert.deepEqual(changes, [
      'etc/- --new\nline file 0644 0:0 ""',
      "etc/passwd dir 0755 0:0",
      "etc/shadow symlink 0777 0:0 -> nowhere",
      'etc/\udcffé x file 0644 0:0 "b\\n"',
      "usr2 dir 0755 0:0",
      "usr2/bin dir 0755 0:0",
      'usr2/bin/capable file 0755 0:0 "#!/bin/sh\\n"',
      "var/mail dir 0755 0:0",
      'var/mail/n file 0644 0:0 "n\\n"',
      "- usr",
      "- usr/bin",
      "- usr/bin/capable",
      "- var/mail/kept",
    ]);
  });

  test(title("a command that changes nothing gives the root back"), async () => {
    const { changes, tree } = await run(
      "touch etc/passwd; chmod 700 etc; chmod 755 etc; cat etc/shadow >/dev/null",
    );
    assert.deepEqual(changes, []);
    assert.deepEqual(tree, root);
  });

  test(title("files are seen as the tree says"), async () => {
    const { log } = await run(
      "stat -c '%n %a %u:%g %Y %F' etc/shadow var/mail var/mail/kept var/linked; cp var/same-1 var/same-2",
    );
    assert.deepEqual(log.split("\n"), [
      "etc/shadow 640 0:42 0 regular file",
      "var/mail 2775 0:8 0 directory",
      "var/mail/kept 644 33:8 0 regular file",
      "var/linked 644 0:0 0 regular file",
      "",
    ]);
  });

  test(title("a run from a near root is the run from the root itself"), async () => {
    const script =
      "ls -lR bin etc usr var a 2>/dev/null | tr -s ' ' | sed 's/^\\(.\\{10\\}\\) [0-9]*/\\1/'; echo x >etc/x; rm -r a";
    const nearTree = hostRoot(store, [
      fileOf(store, "etc/gone", "gone\n"),
      fileOf(store, "gone/below/x", "gone\n"),
      fileOf(store, "etc/other", "before\n"),
      fileOf(store, "var/same-0", "same\n"),
    ]);
    const wanted = hostRoot(store, [
      fileOf(store, "etc/other", "after\n"),
      fileOf(store, "a/f", "new\n"),
      fileOf(store, "a/same", "same\n"),
      fileOf(store, "a/owned", "mine\n", { uid: 33 }),
    ]);
    const near: Digest = store.putTree(nearTree);
    const plain = await run(script, { root: wanted });
    assert.match(plain.log, /owned/);
    for (let time = 0; time < 2; time++) {
      const kept = await run(script, { root: wanted, near });
      assert.deepEqual({ ...kept, log: kept.log }, plain);
    }
    const same = await run("cp a/same var/same-1 && cp var/same-1 a/same", { root: wanted, near });
    assert.equal(same.exitCode, 0, same.log);
  });

  test(title("only what was asked for is captured"), async () => {
    const script =
      "mkdir -p out/a src; echo o >out/o; echo s >src/s; chmod 700 etc; echo n >etc/n; " +
      "ln out/o src/l; ln src/s out/a/s";
    const { changes } = await run(script, { capture: ["/out", "/etc/n", "/absent/below"] });
    assert.deepEqual(changes, [
      'etc/n file 0644 0:0 "n\\n"',
      "out dir 0755 0:0",
      "out/a dir 0755 0:0",
      'out/a/s file 0644 0:0 "s\\n"',
      'out/o file 0644 0:0 "o\\n"',
    ]);
    assert.deepEqual((await run("echo x >etc/x", { capture: ["/out"] })).changes, []);
    assert.deepEqual((await run("rm -r var", { capture: ["/var/mail"] })).changes, [
      "- var/mail",
      "- var/mail/kept",
    ]);
  });

  test(title("a command that fails is a result, and nothing is captured"), async () => {
    const { exitCode, log, tree } = await run("echo said; echo x >etc/x; exit 7");
    assert.equal(exitCode, 7);
    assert.equal(log, "said\n");
    assert.equal(tree, root);
    assert.equal((await run("sh -c 'kill -9 $$'; exit $?")).exitCode, 137);
  });

  test(title("a program or directory that is not there is said before anything starts"), async () => {
    const absent = { argv: ["sh-absent"] };
    await assert.rejects(run("", { command: absent }), hasCode("SANDBOX_START"));
    await assert.rejects(run("", { command: { argv: ["sh"], cwd: "/absent" } }), hasCode("SANDBOX_START"));
    const script = fileOf(store, "usr/bin/script", "#!/absent/interpreter\n", { mode: 0o755 });
    const broken = { root: hostRoot(store, [script]), command: { argv: ["/usr/bin/script"] } };
    await assert.rejects(run("", broken), hasCode("SANDBOX_START"));
  });

  test(title("input, directory, variables and secrets arrive, and the secret is not captured"), async () => {
    const command = {
      argv: [
        "sh",
        "-c",
        'cat; pwd; echo "$A $HOME"; stat -c "%a %u" /run/secrets/key; cat /run/secrets/key; cp /run/secrets/key /etc/k',
      ],
      input: Buffer.from("from outside\n"),
      cwd: "/var/mail",
      env: { A: "b c" },
      secrets: { key: Buffer.from("hidden\n") },
    };
    const { log, changes } = await run("", { command });
    assert.equal(log, "from outside\n/var/mail\nb c /root\n400 0\nhidden\n");
    assert.deepEqual(changes, ['etc/k file 0400 0:0 "hidden\\n"']);
    const input = Buffer.alloc(300_000, "x");
    const bytes = await run("", { command: { argv: ["sh", "-c", "cat | wc -c"], input } });
    assert.equal(bytes.log.trim(), "300000");
    assert.equal((await run("", { command: { argv: ["true"], input } })).exitCode, 0);
    await assert.rejects(
      run("", { command: { argv: ["true"], secrets: { "../x": input } } }),
      hasCode("SANDBOX_SECRET"),
    );
  });

  test(title("output comes live and the log keeps its end"), async () => {
    const parts: Uint8Array[] = [];
    const { log } = await run("echo first; sleep 0.2; seq 1 20000; echo last", {
      onOutput: (bytes) => parts.push(Uint8Array.from(bytes)),
    });
    const all = Buffer.concat(parts).toString("utf8");
    assert.ok(parts.length > 1 && all.startsWith("first\n1\n"));
    assert.equal(log.length, 65_536);
    assert.ok(all.endsWith(log) && log.endsWith("20000\nlast\n"));
  });

  const many = "(i=0; while [ $i -lt 300 ]; do sleep 60 & i=$((i+1)); done) 2>/dev/null; while :; do :; done";
  const bounds: readonly (readonly [code: string, script: string, limits: Partial<SandboxLimits>])[] = [
    ["SANDBOX_TIMEOUT", "echo begun; trap '' TERM INT HUP; sleep 60", { seconds: 0.5 }],
    ["SANDBOX_OUTPUT", "yes", { outputBytes: 100_000 }],
    ["SANDBOX_DISK", "dd if=/dev/zero of=/big bs=1M count=300; sleep 60", { diskBytes: 32 << 20 }],
    [
      "SANDBOX_DISK",
      "i=0; while :; do i=$((i+1)); dd if=/dev/zero of=/f$i bs=1M count=8 2>/dev/null; done",
      { diskBytes: 32 << 20 },
    ],
    ["SANDBOX_MEMORY", "x=$(yes | head -c 200000000); sleep 60", { memoryBytes: 64 << 20 }],
    ["SANDBOX_PROCESSES", many, { processes: 200 }],
  ];
  for (const [code, script, limits] of bounds) {
    test(title(`${code} ends what passes its bound: ${script.slice(0, 30)}`), async () => {
      await assert.rejects(run(script, { limits: { seconds: 30, ...limits } }), hasCode(code));
      assert.deepEqual(readdirSync(store.tmpDir), []);
    });
  }

  test(title("what a run wrote is not said again to who listens, and may hide secrets in it"), async () => {
    const listened = { limits: { seconds: 0.5 }, onOutput: () => undefined };
    for (const [options, because] of [
      [listened, []],
      [{ limits: { seconds: 0.5 } }, ["begun"]],
    ] as const) {
      await assert.rejects(run("echo begun; sleep 60", options), (error) => {
        const { code, because: said } = error as AshlarError;
        assert.deepEqual([code, said], ["SANDBOX_TIMEOUT", because]);
        return true;
      });
    }
  });

  test(title("an interrupted run ends at once, also one that is not begun"), async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    const start = performance.now();
    const { signal } = controller;
    await assert.rejects(run("trap '' TERM INT; sleep 60", { signal }), hasCode("SANDBOX_INTERRUPTED"));
    assert.ok(performance.now() - start < 10_000);
    await assert.rejects(run("sleep 60", { signal }), hasCode("SANDBOX_INTERRUPTED"));
  });

  test(title("a run can be interrupted at any moment of its start"), async () => {
    for (const ms of [0, 1, 2, 4, 6, 9, 13, 18, 25, 40, 70]) {
      const signal = AbortSignal.timeout(ms);
      const start = performance.now();
      await assert.rejects(run("sleep 60", { signal }), hasCode("SANDBOX_INTERRUPTED"));
      assert.ok(performance.now() - start < 20_000);
      assert.deepEqual(readdirSync(store.tmpDir), []);
    }
  });

  test(title("daemons end with the command, and what they held open does not delay it"), async () => {
    const start = performance.now();
    const { changes } = await run(
      "setsid sh -c 'sleep 100; echo x >/late' & nohup sleep 100 >/dev/null 2>&1 & echo x >now",
    );
    assert.deepEqual(changes, ['now file 0644 0:0 "x\\n"']);
    assert.ok(performance.now() - start < 20_000);
  });

  test(title("what is seen inside is the same everywhere"), async () => {
    const { log } = await run(view);
    assert.deepEqual(log.split("\n"), viewed.split("\n"));
  });

  test(title("circumstances change what is seen: host name and processors"), async () => {
    const script =
      "hostname; grep -c ^processor /proc/cpuinfo >/dev/null; grep Cpus_allowed_list /proc/self/status | tr -d '\\t'";
    const { log } = await run(script, { circumstances: { hostName: "elsewhere", cpus: 1 } });
    assert.match(log, /^elsewhere\nCpus_allowed_list:\d+\n$/);
  });
}
