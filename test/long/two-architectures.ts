// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openPodman } from "../podman.ts";
import { must, run } from "../programs.ts";

/**
 * `sh tools/run test/long/two-architectures.ts [--twice] [--store DIR]`: builds examples/python-full for both its
 * platforms from an empty store, one by an emulator, runs each half by `ashlar run` and by podman, and tells how
 * long it took. What the halves differ in beside their architecture is printed. `--twice` builds the emulated half
 * again in another empty store by another backend: the digest has to be the same. Needs root, qemu-user-static
 * registered with binfmt_misc, podman and the archive.
 */
const root = join(import.meta.dirname, "../..");
const project = join(root, "examples/python-full");
const platforms = ["linux/amd64", "linux/arm64"];
const machines: Readonly<Record<string, string>> = { "linux/amd64": "x86_64", "linux/arm64": "aarch64" };
const program =
  "import platform, ssl, sqlite3; print(platform.machine(), len(ssl.create_default_context().get_ca_certs()))";
const python = ["/usr/bin/python3", "-c", program];

interface Store {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

function main(): void {
  // podman wants lower-case letters in the path of a layout.
  const dir = join(tmpdir(), `ashlar-two-${process.pid}`);
  mkdirSync(dir);
  const store: Store = { dir: option("--store") ?? join(dir, "store"), env: {} };
  try {
    ashlar(store, ["lock", project, "--check"]);
    for (const platform of platforms) measure(`build for ${platform}`, () => build(store, platform));
    measure("build both, nothing changed", () => ashlar(store, ["build", project]));
    showDifferences(store);
    for (const platform of platforms) runBoth(dir, store, platform);
    if (process.argv.includes("--twice")) buildAgain(dir, store);
  } finally {
    // podman leaves its storage mounted where a container could not be started.
    run("sh", ["-c", 'umount "$0"/*/root/overlay 2>/dev/null', dir]);
    rmSync(dir, { recursive: true, force: true });
  }
}

function build(store: Store, platform: string): string {
  const out = ashlar(store, ["build", project, "--quiet", `--platform=${platform}`, "--frozen"]);
  return out.trim().split("@").at(-1) ?? "";
}

function runBoth(dir: string, store: Store, platform: string): void {
  const ours = measure(`ashlar run for ${platform}`, () =>
    ashlar(store, ["run", project, "--frozen", `--platform=${platform}`, "--", ...python]),
  );
  assert.match(ours, new RegExp(`^${machines[platform]} \\d+$`, "m"));
  const [name = ""] = platform.split("/").slice(1);
  const layout = join(dir, `layout-${name}`);
  ashlar(store, [
    "build",
    project,
    "--quiet",
    "--frozen",
    `--platform=${platform}`,
    `--output=oci:${layout}:${name}`,
  ]);
  mkdirSync(join(dir, name));
  const podman = openPodman(join(dir, name));
  const id = podman.podman(["pull", "--quiet", `--arch=${name}`, `oci:${layout}:${name}`]).trim();
  const theirs = measure(`podman run for ${platform}`, () =>
    podman.run(id, { options: ["--entrypoint=", `--arch=${name}`, ...podmanEnv(platform)], command: python }),
  );
  assert.equal(theirs, ours);
  console.log(`  both: ${ours.trim()} trusted certificates`);
}

/** podman sets nothing for the emulator; with its own choice of a processor it is slower still. */
function podmanEnv(platform: string): string[] {
  return platform === "linux/arm64" ? ["--env=QEMU_CPU=cortex-a72"] : [];
}

/** Paths that only one half has, the name of the architecture aside. */
function showDifferences(store: Store): void {
  const [amd64, arm64] = platforms.map((platform) => {
    const lines = ashlar(store, ["tree", "example/python-full", `--platform=${platform}`]).split("\n");
    return new Set(lines.map((line) => line.replaceAll(/x86_64|aarch64|amd64|arm64|x86-64/g, "ARCH")));
  });
  for (const [name, one, other] of [
    ["amd64", amd64, arm64],
    ["arm64", arm64, amd64],
  ] as const) {
    const only = [...(one ?? [])].filter((line) => other?.has(line) !== true);
    console.log(`only in ${name}: ${only.length} of ${one?.size} paths`);
    for (const line of only.slice(0, 40)) console.log(`  ${line}`);
  }
}

function buildAgain(dir: string, store: Store): void {
  const other: Store = { dir: join(dir, "again"), env: { ASHLAR_SANDBOX: "runc" } };
  const digest = measure("build for linux/arm64 again, by runc", () => build(other, "linux/arm64"));
  assert.equal(digest, build(store, "linux/arm64"));
  console.log(`  the same: ${digest}`);
}

function ashlar(store: Store, args: readonly string[]): string {
  const [verb = "", ...rest] = args;
  const node = ["--disable-warning=ExperimentalWarning", join(root, "src/cli/main.ts")];
  const ended = run(process.execPath, [...node, verb, `--store=${store.dir}`, ...rest], {
    CI: "",
    ...store.env,
  });
  assert.equal(ended.status, 0, ended.err);
  return ended.out;
}

function measure<T>(what: string, work: () => T): T {
  const start = performance.now();
  const result = work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

must("sh", ["-c", "command -v podman"]);
main();
