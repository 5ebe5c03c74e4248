// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { startDockerRegistry } from "../docker-registry.ts";
import { type Maker, makeSmallRoot } from "../foreign-makers.ts";
import { must, run } from "../programs.ts";
import { buildOurs, describeTree, digestIn, type Matrix, ours, readForeign } from "../registry-matrix.ts";

/**
 * `sh tools/run test/long/docker.ts [--root DIR]`, as root: a docker engine (Debian's docker.io, of this machine or of
 * the root of another release) on a socket of its own, without networks, reads what we write to registries and
 * archives, and we read what it saves and pushes.
 */
const area = mkdtempSync("/tmp/ashlar-docker-");
const socket = `--host=unix://${area}/socket`;
const root = process.argv.includes("--root") ? process.argv[process.argv.indexOf("--root") + 1] : undefined;

/** A command line of a program where the engine is. */
function there(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (root === undefined) return ["env", ["DOCKER_BUILDKIT=0", program, ...args]];
  return ["unshare", ["--mount", "sh", join(import.meta.dirname, "in-root.sh"), root, area, program, ...args]];
}

const docker = (...args: readonly string[]): string => must(...there("docker", [socket, ...args]));

async function main(): Promise<void> {
  const engine = await startEngine();
  const registry = await startDockerRegistry(join(area, "registry"));
  const matrix: Matrix = { dir: area, port: registry.port, run: must };
  try {
    const version = docker("version", "--format={{.Server.Version}}").trim();
    // zstd came with docker 23.
    const forms = Number.parseInt(version, 10) < 23 ? ["gzip", "none"] : ["gzip", "none", "zstd", "zstd:chunked"];
    console.log(`docker ${version}`);
    for (const form of forms) readOurs(matrix, form);
    loadOurs(matrix);
    readForeign(matrix, { name: "docker push", programs: ["docker"], make: push }, 0);
    console.log("docker push: read, passed on twice, checked out");
    readSaved(matrix);
  } finally {
    await registry.close();
    await endEngine(engine);
  }
}

async function startEngine(): Promise<ChildProcess> {
  const place = (name: string): string => join(area, "engine", name);
  mkdirSync(place("."), { recursive: true });
  const dirs = [`--data-root=${place("data")}`, `--exec-root=${place("exec")}`, `--pidfile=${place("pid")}`];
  const plain = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"];
  const [program, args] = there("dockerd", [...dirs, ...plain, socket]);
  const engine = spawn(program, args, { stdio: "ignore" });
  for (let attempt = 0; attempt < 150 && engine.exitCode === null; attempt++) {
    if (run(...there("docker", [socket, "version"])).status === 0) return engine;
    await wait(200);
  }
  await endEngine(engine);
  throw new Error("dockerd did not start");
}

async function endEngine(engine: ChildProcess): Promise<void> {
  if (engine.exitCode !== null) return;
  const exit = once(engine, "exit");
  engine.kill();
  await exit;
}

/** What we push, as docker pulls and runs it. */
function readOurs(matrix: Matrix, form: string): void {
  const ref = `127.0.0.1:${matrix.port}/${buildOurs(matrix, form)}:1`;
  const digest = digestIn(ours(matrix, "ours", ["push", buildOurs(matrix, form), ref]));
  docker("pull", "--quiet", ref);
  assert.match(docker("image", "inspect", "--format={{.RepoDigests}}", ref), new RegExp(digest));
  assert.equal(docker("run", "--rm", "--network=none", ref), `${form}\n`);
  console.log(`ours, ${form}: pulled and run`);
}

function loadOurs(matrix: Matrix): void {
  const archive = join(area, "ours.tar");
  ours(matrix, "ours", ["copy", buildOurs(matrix, "none"), `docker-archive:${archive}:localhost/loaded:1`]);
  docker("load", "--quiet", "--input", archive);
  assert.equal(docker("run", "--rm", "--network=none", "localhost/loaded:1"), "none\n");
  console.log("our docker-archive: loaded and run");
}

/** Two layers, the second of which changes and removes what is in the first. */
function build(dir: string, tag: string): void {
  const remove = 'RUN ["/bin/busybox", "rm", "/srv/empty"]';
  const lines = ["FROM scratch", "ADD root.tar /", remove, 'ENTRYPOINT ["/bin/sh"]'];
  writeFileSync(join(dir, "Dockerfile"), `${lines.join("\n")}\n`);
  docker("build", "--quiet", "--network=none", "--tag", tag, dir);
}

const push: Maker["make"] = ({ dir }, to) => {
  const lines = ["FROM scratch", "ADD root.tar /", 'ENTRYPOINT ["/bin/sh"]'];
  writeFileSync(join(dir, "Dockerfile"), `${lines.join("\n")}\n`);
  const tag = to.replace("docker://", "");
  docker("build", "--quiet", "--network=none", "--tag", tag, dir);
  docker("push", "--quiet", tag);
};

function readSaved(matrix: Matrix): void {
  const dir = join(area, "saved");
  const { tree } = makeSmallRoot(dir, "docker save");
  build(dir, "localhost/saved:1");
  const archive = join(area, "saved.tar");
  docker("save", "--output", archive, "localhost/saved:1");
  ours(matrix, "first", ["import", `docker-archive:${archive}`, "--name", "saved/one"]);
  const id = docker("image", "inspect", "--format={{.Id}}", "localhost/saved:1").trim();
  const again = join(area, "again.tar");
  ours(matrix, "first", ["copy", "saved/one", `docker-archive:${again}:localhost/again:1`]);
  docker("load", "--quiet", "--input", again);
  assert.equal(docker("image", "inspect", "--format={{.Id}}", "localhost/again:1").trim(), id);
  const root = join(area, "saved-root");
  ours(matrix, "first", ["checkout", "saved/one", root]);
  rmSync(join(tree, "srv/empty"));
  assert.deepEqual(describeTree(root), describeTree(tree));
  console.log("docker save: imported, checked out, loaded again under the same image ID");
}

try {
  await main();
} finally {
  rmSync(area, { recursive: true, force: true });
}
