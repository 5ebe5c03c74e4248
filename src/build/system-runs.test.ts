// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { memoryProject, type OwnedTree } from "../assemble/index.ts";
import { dumpTree, makeEntries } from "../assemble/testing/make-package.ts";
import { digestOf, type ImagePath, isAshlarError } from "../base/index.ts";
import { makeTree, type Tree } from "../formats/index.ts";
import { type MemoryRun, memorySandbox } from "../sandbox/index.ts";
import type { RunDocument } from "../spec/index.ts";
import { memoryStore, type Store } from "../store/index.ts";
import { makeSystemRuns } from "./system-runs.ts";

const dir = mkdtempSync(join(tmpdir(), "ashlar-runs-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const put = (sink: Pick<Store, "put">) => (text: string) => sink.put(Buffer.from(text));
const hashed = { put: (bytes: Uint8Array) => ({ digest: digestOf(bytes), sizeBytes: bytes.length }) };

/** Commands that are functions: each adds what it returns to the root. */
function makeRig(program: (run: MemoryRun, name: string) => Tree | number): {
  readonly store: Store;
  readonly ran: string[];
  run(runs: readonly Partial<RunDocument>[], files?: Parameters<typeof memoryProject>[0]): Promise<OwnedTree>;
} {
  const store = memoryStore();
  const ran: string[] = [];
  const sandbox = memorySandbox((run) => {
    const name = run.command.argv.at(-1) as string;
    ran.push(name);
    const made = program(run, name);
    if (typeof made === "number") return { exitCode: made };
    const paths = new Set(made.map(({ path }) => path));
    return { tree: makeTree([...run.root.filter(({ path }) => !paths.has(path)), ...made]) };
  });
  const tree = makeEntries({ "etc/hosts": "package's" }, put(store));
  const root = { tree, owners: new Map([["etc/hosts" as ImagePath, "netbase:amd64"]]) };
  const quiet = { start: () => ({ advance: () => {}, done: () => {} }), note() {}, warn() {}, log() {} };
  const place = {
    sandbox: () => Promise.resolve(sandbox),
    storeDir: dir,
    progress: quiet,
    platform: "linux/amd64",
    image: "app",
  };
  return {
    store,
    ran,
    async run(runs, files = {}) {
      const whole = runs.map((run) => ({ argv: ["sh"], env: {}, inputs: [], ...run }));
      const project = (sink = hashed): ReturnType<typeof memoryProject> =>
        memoryProject(files, (bytes) => sink.put(bytes));
      return (await makeSystemRuns({ ...place, store, root, runs: whole, project })).owned;
    },
  };
}

const dump = ({ tree, owners }: OwnedTree): string[] =>
  dumpTree(tree).map((line, i) => `${line} ${owners.get((tree[i] as Tree[number]).path)}`);

test("makeSystemRuns runs each command on the root that the one before left, and says whose a path is", async () => {
  const rig = makeRig(({ root, pack }, name) => {
    if (name === "two") assert.ok(root.some(({ path }) => path === "etc/one"));
    return makeEntries({ [`etc/${name}`]: name, "etc/hosts": `${name}'s` }, put(pack)).slice(1);
  });
  const owned = await rig.run([{ argv: ["one"] }, { argv: ["two"] }]);
  assert.deepEqual(dump(owned), [
    "/etc dir 0755 0:0 ",
    "/etc/hosts file 0644 0:0 netbase:amd64",
    "/etc/one file 0644 0:0 @run",
    "/etc/two file 0644 0:0 @run",
  ]);
});

test("makeSystemRuns runs again only what is not remembered for this root, command and inputs", async () => {
  const rig = makeRig(({ pack }, name) => makeEntries({ [`etc/${name}`]: name }, put(pack)).slice(1));
  const [one, two] = [{ argv: ["one"], inputs: ["a"] }, { argv: ["two"] }];
  await rig.run([one, two], { a: "1" });
  await rig.run([one, two], { a: "1", b: "no input" });
  assert.deepEqual(rig.ran, ["one", "two"]);
  await rig.run([one, { ...two, env: { A: "b" } }], { a: "1" });
  assert.deepEqual(rig.ran, ["one", "two", "two"]);
  await rig.run([one, two], { a: "2" });
  assert.deepEqual(rig.ran, ["one", "two", "two", "one"]);
  await rig.run([{ argv: ["zero"] }, one, two], { a: "2" });
  assert.deepEqual(rig.ran.slice(4), ["zero", "one", "two"]);
});

test("makeSystemRuns shows inputs at $INPUTS, and keeps of them only what a command put elsewhere", async () => {
  const rig = makeRig(({ root, command }) => {
    const dir = (command.env?.["INPUTS"] ?? "").slice(1);
    const file = root.find(({ path }) => path === `${dir}/conf/a.conf`);
    if (file?.type !== "file") return 1;
    const { content: _content, sizeBytes: _sizeBytes, ...meta } = file;
    return [{ ...meta, type: "hardlink", path: "etc/a.conf" as ImagePath, target: file.path }];
  });
  const owned = await rig.run([{ inputs: ["conf/*"] }], { "conf/a.conf": "text" });
  assert.deepEqual(dumpTree(owned.tree), [
    "/etc dir 0755 0:0",
    "/etc/a.conf file 0644 0:0",
    "/etc/hosts file 0644 0:0",
  ]);
});

test("makeSystemRuns names the command that failed, and remembers those before it", async () => {
  const rig = makeRig(({ onOutput, pack }, name) => {
    onOutput(Buffer.from("useradd: no such group\n"));
    return name === "bad" ? 6 : makeEntries({ [`etc/${name}`]: name }, put(pack)).slice(1);
  });
  for (let i = 0; i < 2; i++) {
    await assert.rejects(rig.run([{ argv: ["good"] }, { argv: ["bad"] }]), (error) => {
      assert.ok(isAshlarError(error, "BUILD_RUN_FAILED"));
      assert.match(error.message, /command 2 of 2 of system\.run, "bad": exit code 6/);
      assert.equal(error.because[0], "| useradd: no such group");
      return true;
    });
  }
  assert.deepEqual(rig.ran, ["good", "bad", "bad"]);
});

test("makeSystemRuns keeps nothing of a command whose input changed after its key was made", async () => {
  const rig = makeRig(() => []);
  const files = { a: "1" };
  const changing = new Proxy(files, { get: (_files, key) => (key === "a" ? `${reads++}` : undefined) });
  let reads = 0;
  const code = (error: unknown): boolean => isAshlarError(error, "BUILD_STEP_INPUTS");
  await assert.rejects(rig.run([{ inputs: ["a"] }], changing), code);
  assert.deepEqual(rig.ran, []);
});
