// SPDX-License-Identifier: Apache-2.0
// Keeps the promise (P7, P8) that locks hold between containers on one machine that do not see each other's processes.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { digestOf } from "../../src/base/index.ts";
import { openStore } from "../../src/store/index.ts";
import { openPodman, podmanPrograms, removePodman } from "../podman.ts";
import { missing, run } from "../programs.ts";
import { root } from "../run-build.ts";
import { type ChildOptions, startProgram, startScript } from "./child.ts";
import { serveSlowly } from "./counting-server.ts";
import { ownNamespaces } from "./namespaces.ts";

const base = mkdtempSync(join(tmpdir(), "ashlar-namespaces-"));
after(() => removePodman(base));

const apart: ChildOptions = { wrapper: ownNamespaces };
const noNamespaces = !process.env["CI"] && run("unshare", [...ownNamespaces.slice(1), "true"]).status !== 0;
const skip = noNamespaces && "needs user namespaces";

test("a lease and a turn hold between namespaces, and end with their process", { skip }, async () => {
  const store = join(base, "leased");
  openStore(store).close();
  const holder = startScript("test/crash/hold-child.ts", ["hold", store], apart);
  const [line] = await once(holder.process.stdout as NodeJS.ReadableStream, "data");
  assert.equal(String(line), "ours \n");
  const ask = async (options: ChildOptions): Promise<string> => {
    const { out, err } = await startScript("test/crash/hold-child.ts", ["ask", store], options).ended;
    assert.equal(err, "");
    return out;
  };
  for (const options of [apart, {}]) assert.equal(await ask(options), "elsewhere STORE_BUSY\n");
  holder.process.kill("SIGKILL");
  await holder.ended;
  assert.equal(await ask(apart), "ours collected\n");
});

test("processes in namespaces of their own fetch each file once", { skip }, async () => {
  const files = new Map(Array.from({ length: 8 }, (_, i) => [`${i}`, Buffer.alloc(100_000 + i, `${i}`)]));
  const wanted = [...files].map(([path, bytes]) => ({ path, digest: digestOf(bytes), sizeBytes: bytes.length }));
  const list = join(base, "list.json");
  writeFileSync(list, JSON.stringify(wanted));
  const server = await serveSlowly(files, { pieceBytes: 20_000, pauseMs: 20 });
  const args = [join(base, "fetched"), server.base, list];
  const children = [apart, apart, {}].map((options) => startScript("test/crash/fetch-child.ts", args, options));
  for (const { ended } of children) {
    const { status, err } = await ended;
    assert.equal(status, 0, err);
  }
  await server.close();
  assert.deepEqual(server.sent.map(({ path, bytes }) => [path, bytes]).sort(), wanted.map(({ path, sizeBytes }) => {
    return [path, sizeBytes];
  }));
});

test("a lease and a turn hold between containers", { skip: missing(podmanPrograms) }, async () => {
  const store = join(base, "contained");
  openStore(store).close();
  const rootfs = join(base, "rootfs");
  mkdirSync(rootfs);
  for (const name of ["bin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(rootfs, name));
  const modules = realpathSync(join(root, "node_modules"));
  const volumes = [`${store}:/store`, ...["/usr", root, modules].map((path) => `${path}:${path}:ro`)];
  const podman = openPodman(join(base, "podman"));
  const command = (name: string, verb: string): readonly string[] => [
    ...["run", "--rm", "--name", name, ...podman.apart, ...volumes.map((one) => `--volume=${one}`)],
    ...["--rootfs", rootfs, realpathSync(process.execPath), join(root, "test/crash/hold-child.ts"), verb, "/store"],
  ];
  const holder = startProgram([...podman.prefix, ...command("holder", "hold")]);
  const [line] = await once(holder.process.stdout as NodeJS.ReadableStream, "data");
  assert.equal(String(line), "ours \n");
  assert.equal(podman.podman(command("asker", "ask")), "elsewhere STORE_BUSY\n");
  podman.podman(["kill", "--signal=KILL", "holder"]);
  await holder.ended;
  assert.equal(podman.podman(command("later", "ask")), "ours collected\n");
});
