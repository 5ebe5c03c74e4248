// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { unpackAction } from "../../assemble/index.ts";
import { dumpTree } from "../../assemble/testing/make-package.ts";
import { type AshlarError, digestOf, isAshlarError, parsePath } from "../../base/index.ts";
import { makeTree, type Tree } from "../../formats/index.ts";
import type { MemoryRun } from "../../sandbox/index.ts";
import { type MakeOptions, makeStepRig, plainFiles, type Program, toolPackage } from "./testing/step-rig.ts";

const server: Program = () => ({ writes: { "out/server": "binary" } });

test("makeStep gives the outputs as root's files of time 0, and remembers them", async () => {
  using rig = makeStepRig(server);
  const first = await rig.make();
  assert.deepEqual(dumpTree(first), ["/server file 0644 0:0"]);
  assert.deepEqual(await rig.make(), first);
  assert.deepEqual(rig.ran, ["make"]);
  await rig.make({ again: true });
  assert.deepEqual(rig.ran, ["make", "make"]);
});

test("makeStep runs in the tools' root with inputs at /src and an empty /out", async () => {
  const seen: MemoryRun[] = [];
  using rig = makeStepRig((run) => {
    seen.push(run);
    return { writes: { "out/server": "x" } };
  });
  await rig.make({ jobs: 7, step: { env: { CC: "gcc", OUT: "elsewhere" } } });
  const [run] = seen as [MemoryRun];
  assert.deepEqual(dumpTree(run.root), [
    "/out dir 0755 0:0",
    "/src dir 0755 0:0",
    "/src/src dir 0755 0:0",
    "/src/src/main.c file 0644 0:0",
    "/src/src/run.sh file 0755 0:0",
    "/usr dir 0755 0:0",
    "/usr/bin dir 0755 0:0",
    "/usr/bin/make file 0644 0:0",
  ]);
  const { argv, cwd, env } = run.command;
  assert.deepEqual(argv, ["make", "OUT=/out", "-j7"]);
  assert.equal(cwd, "/src");
  assert.deepEqual(env, { CC: "gcc", SRC: "/src", OUT: "/out", JOBS: "7" });
});

test("makeStep replaces names in arguments, and leaves a script to the shell", async () => {
  const argvs: (readonly string[])[] = [];
  using rig = makeStepRig(({ command }) => {
    argvs.push(command.argv);
    return { writes: { "out/server": "x" } };
  });
  await rig.make({ step: { argv: ["cc", "-o$OUT/a", "$SRC/a.c", "$OUTPUT", "$JOBS$JOBS"] } });
  const script = ["/bin/sh", "-eu", "-c", "echo '$OUT'"];
  await rig.make({ step: { argv: script } });
  assert.deepEqual(argvs, [["cc", "-o/out/a", "/src/a.c", "$OUTPUT", "22"], script]);
});

const source = {
  url: "http://a.example/x/hello.c",
  sha256: digestOf("x"),
  unpack: false,
  to: "hello.c",
  patches: [],
};
const withSource: Partial<MakeOptions> = { step: { sources: [source] } };

const unpacked = { version: unpackAction(toolPackage.digest).version, record: digestOf("record") };

/** What changes the key, on top of `base`, and what does not. */
const changes: readonly {
  what: string;
  base?: Partial<MakeOptions>;
  to: Partial<MakeOptions>;
  runs: boolean;
}[] = [
  { what: "the content of an input", to: { files: { ...plainFiles, "src/main.c": "int x;\n" } }, runs: true },
  { what: "the name of an input", to: { files: { "src/other.c": "int main;\n" } }, runs: true },
  { what: "an input more", to: { files: { ...plainFiles, "src/new.c": "" } }, runs: true },
  { what: "an executable bit", to: { files: { ...plainFiles, "src/run.sh": "#!/bin/sh\n" } }, runs: true },
  { what: "an argument", to: { step: { argv: ["make", "all"] } }, runs: true },
  { what: "the environment", to: { step: { env: { CC: "clang" } } }, runs: true },
  { what: "the outputs", to: { step: { outputs: ["server", "server"] } }, runs: true },
  {
    what: "the names of secrets",
    to: { step: { secrets: ["token"] }, secrets: { token: "hunter2" } },
    runs: true,
  },
  { what: "the time it may take", to: { step: { timeoutSeconds: 60 } }, runs: true },
  { what: "the memory it may take", to: { step: { memoryBytes: 2 ** 30 } }, runs: true },
  { what: "the platform", to: { platform: "linux/arm64" }, runs: true },
  {
    what: "tools that make another root",
    to: { tools: [{ ...toolPackage, digest: digestOf("other.deb") }], root: { "usr/bin/make": "2" } },
    runs: true,
  },
  {
    what: "what the lock says that a tool unpacks to",
    base: { tools: [{ ...toolPackage, unpacked }], root: { "usr/bin/make": "as another lock says" } },
    to: { tools: [toolPackage], root: { "usr/bin/make": "as the package is" } },
    runs: true,
  },
  {
    what: "a source",
    base: withSource,
    to: { step: { sources: [{ ...source, sha256: digestOf("y") }] } },
    runs: true,
  },
  {
    what: "where a source lies",
    base: withSource,
    to: { step: { sources: [{ ...source, to: "d/hello.c" }] } },
    runs: true,
  },
  {
    what: "a patch",
    base: withSource,
    to: { step: { sources: [{ ...source, patches: ["src/main.c"] }] } },
    runs: true,
  },
  {
    what: "the address of a source",
    base: withSource,
    to: { step: { sources: [{ ...source, url: "http://b.example/hello.c" }] } },
    runs: false,
  },
  {
    what: "tools that make the same root",
    to: { tools: [{ ...toolPackage, digest: digestOf("other.deb") }] },
    runs: false,
  },
  {
    what: "the order of tools",
    base: { tools: [toolPackage, { ...toolPackage, name: "gcc", digest: digestOf("gcc") }] },
    to: { tools: [{ ...toolPackage, name: "gcc", digest: digestOf("gcc") }, toolPackage] },
    runs: false,
  },
  { what: "a file that is no input", to: { files: { ...plainFiles, README: "hello" } }, runs: false },
  { what: "the number of jobs", to: { jobs: 64 }, runs: false },
  {
    what: "a secret's value",
    base: { step: { secrets: ["token"] }, secrets: { token: "hunter2" } },
    to: { step: { secrets: ["token"] }, secrets: { token: "hunter3" } },
    runs: false,
  },
  {
    what: "a secret that is not needed now",
    base: { step: { secrets: ["token"] }, secrets: { token: "hunter2" } },
    to: { step: { secrets: ["token"] } },
    runs: false,
  },
];

for (const { what, base = {}, to, runs } of changes) {
  test(`makeStep ${runs ? "runs again for another value of" : "is remembered whatever"}: ${what}`, async () => {
    using rig = makeStepRig(server);
    for (const text of ["x", "y"]) rig.download(Buffer.from(text));
    await rig.make(base);
    rig.ran.length = 0;
    await rig.make({ ...base, ...to });
    assert.equal(rig.ran.includes("make"), runs);
  });
}

function fails(code: string, ...patterns: readonly RegExp[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isAshlarError(error, code), String(error));
    const text = [error.message, ...error.because, error.hint ?? ""].join("\n");
    for (const pattern of patterns) assert.match(text, pattern);
    return true;
  };
}

test("makeStep tells of a command that fails its exit code, its last lines and where the whole log is", async () => {
  using rig = makeStepRig(({ onOutput }) => {
    for (let i = 1; i <= 30; i++) onOutput(Buffer.from(`line ${i}\n`));
    onOutput(Buffer.from("\u001b[31mmain.c:1: er"));
    onOutput(Buffer.from("ror\u001b[0m\u0007\n"));
    return { exitCode: 2 };
  });
  let path = "";
  await assert.rejects(rig.make(), (error) => {
    path = String((error as AshlarError).details["log"]);
    return fails(
      "BUILD_STEP_FAILED",
      /step "server": exit code 2/,
      /\| line 30\n\| main\.c:1: error\n/,
    )(error);
  });
  assert.equal(path, join(rig.dir, "logs", "step-app-server-linux-amd64.log"));
  assert.match(readFileSync(path, "utf8"), /^line 1\nline 2\n[^]*er/);
  assert.equal(rig.shown.at(-1), "server: main.c:1: error");
  await assert.rejects(rig.make(), fails("BUILD_STEP_FAILED"));
  assert.equal(rig.ran.length, 2);
});

test("makeStep keeps no log of what succeeds", async () => {
  using rig = makeStepRig(({ onOutput }) => {
    onOutput(Buffer.from("fine\n"));
    return { writes: { "out/server": "x" } };
  });
  await rig.make();
  assert.deepEqual(rig.shown, ["server: fine"]);
  assert.deepEqual(existsSync(join(rig.dir, "logs")) ? readdirSync(join(rig.dir, "logs")) : [], []);
});

test("makeStep says what is there where an output is missing, and remembers nothing", async () => {
  using rig = makeStepRig(() => ({ writes: { "out/bin/serwer": "x", "src/server": "x" } }));
  await assert.rejects(
    rig.make(),
    fails("BUILD_STEP_OUTPUT", /output "server" of step "server"/, /bin\/serwer/),
  );
  await assert.rejects(rig.make(), fails("BUILD_STEP_OUTPUT"));
  assert.equal(rig.ran.length, 2);
});

const secret = "s3cret+/value?";
const leaks: Readonly<Record<string, (run: MemoryRun) => ReturnType<Program>>> = {
  "as it is": () => ({ writes: { "out/server": `key=${secret};` } }),
  base64: () => ({ writes: { "out/server": Buffer.from(`a${secret}`).toString("base64") } }),
  hexadecimal: () => ({ writes: { "out/server": Buffer.from(secret).toString("hex") } }),
  "URL-encoded": () => ({ writes: { "out/server": `?k=${encodeURIComponent(secret)}` } }),
  "in a file that is no output": () => ({ writes: { "out/server": "x", "out/cache/key": secret } }),
  "in the name of a file": () => ({
    writes: { "out/server": "x", [`out/${Buffer.from(secret).toString("hex")}`]: "x" },
  }),
  "in the log": ({ onOutput }) => {
    onOutput(Buffer.from(`token ${secret.slice(0, 5)}`));
    onOutput(Buffer.from(`${secret.slice(5)}\n`));
    return { writes: { "out/server": "x" } };
  },
  "in a link": ({ root }) => ({ tree: withLink(root, secret) }),
};

function withLink(root: Tree, target: string): Tree {
  const meta = { mode: 0o777, uid: 0, gid: 0, mtimeSeconds: 0 };
  return makeTree([...root, { ...meta, type: "symlink", path: parsePath("out/server"), target }]);
}

for (const [how, program] of Object.entries(leaks)) {
  test(`makeStep refuses a secret that leaked: ${how}; nothing of it is kept`, async () => {
    using rig = makeStepRig(program);
    const options = { step: { secrets: ["token"] }, secrets: { token: `${secret}\n` } };
    await assert.rejects(rig.make(options), fails("BUILD_SECRET_LEAKED", /secret "token" is in/));
    assert.equal(rig.shown.join().includes(secret), false);
    const forms = [
      secret,
      `key=${secret};`,
      Buffer.from(secret).toString("hex"),
      `?k=${encodeURIComponent(secret)}`,
    ];
    for (const form of forms) assert.equal(rig.store.has(digestOf(form)), false);
    await assert.rejects(rig.make(options), fails("BUILD_SECRET_LEAKED"));
  });
}

test("makeStep gives a secret as a file in memory, and shows it to nobody", async () => {
  const seen: MemoryRun[] = [];
  using rig = makeStepRig((run) => {
    seen.push(run);
    run.onOutput(Buffer.from(`curl -H ${secret}\n`));
    return { exitCode: 1 };
  });
  await assert.rejects(rig.make({ step: { secrets: ["token"] }, secrets: { token: secret } }), (error) => {
    assert.equal(
      JSON.stringify([(error as Error).message, (error as AshlarError).because]).includes(secret),
      false,
    );
    return fails("BUILD_STEP_FAILED", /\| curl -H \*\*\*/)(error);
  });
  const log = readFileSync(join(rig.dir, "logs", "step-app-server-linux-amd64.log"), "utf8");
  assert.equal(log, "curl -H ***\n");
  const { secrets = {}, env, argv } = (seen[0] as MemoryRun).command;
  assert.equal(Buffer.from(secrets["token"] as Uint8Array).toString(), secret);
  assert.equal(JSON.stringify([env, argv]).includes(secret), false);
});

test("makeStep asks for a secret that was not given, and refuses a short one", async () => {
  using rig = makeStepRig(server);
  const step = { secrets: ["token"] };
  await assert.rejects(rig.make({ step }), fails("USAGE_SECRET_MISSING", /--secret token=FILE/));
  await assert.rejects(rig.make({ step, secrets: { token: "abc\n" } }), fails("USAGE_SECRET", /at least 4/));
  assert.deepEqual(rig.ran, []);
});
