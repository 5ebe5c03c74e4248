// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { freePort, type RunningRegistry, startDockerRegistry, startRegistry } from "../docker-registry.ts";
import { makers, podmanOf } from "../foreign-makers.ts";
import { must, run } from "../programs.ts";
import { buildOurs, digestAt, digestIn, type Matrix, ours, readForeign } from "../registry-matrix.ts";

/**
 * `sh tools/run test/long/registries-trixie.ts --root DIR`, as root: the matrix of test/registries.test.ts with the
 * programs of trixie, which DIR is a root of (podman, buildah, umoci, skopeo, oras), on docker-registry and, where Go
 * can build it, on a registry with the referrers API (test/long/go-registry).
 */
const area = mkdtempSync("/tmp/ashlar-trixie-");
const script = join(import.meta.dirname, "in-root.sh");
const root = process.argv[process.argv.indexOf("--root") + 1] ?? "";
const inRoot = (program: string, args: readonly string[]): string =>
  must("unshare", ["--mount", "sh", script, root, area, program, ...args]);

async function main(): Promise<void> {
  assert.ok(existsSync(join(root, "usr/bin/oras")), "want --root DIR with podman, buildah, umoci, skopeo and oras");
  const docker = await startDockerRegistry(join(area, "registry"));
  const withReferrers = await startGoRegistry();
  try {
    const matrix: Matrix = { dir: area, port: docker.port, run: inRoot };
    readOurs(matrix);
    for (const [number, maker] of makers.entries()) {
      readForeign(matrix, maker, number);
      console.log(`${maker.name}: read, passed on twice, checked out`);
    }
    takeReferrers(matrix, docker.port, docker.port);
    if (withReferrers === undefined) console.log("no Go here: nothing with the referrers API was tried");
    else {
      readOurs({ ...matrix, port: withReferrers.port });
      takeReferrers(matrix, withReferrers.port, docker.port);
      takeReferrers(matrix, docker.port, withReferrers.port);
    }
  } finally {
    await docker.close();
    await withReferrers?.close();
  }
}

async function startGoRegistry(): Promise<RunningRegistry | undefined> {
  const program = join(area, "go-registry");
  const source = join(import.meta.dirname, "go-registry");
  if (run("go", ["build", "-C", source, "-o", program, "."]).status !== 0) return undefined;
  const port = await freePort();
  return startRegistry([program, String(port)], port);
}

/** What we push, as podman 5, skopeo and oras read it. */
function readOurs(matrix: Matrix): void {
  const podman = podmanOf({ run: matrix.run, dir: area, tar: "" });
  for (const form of ["zstd:chunked", "zstd", "gzip", "none"]) {
    const name = buildOurs(matrix, form);
    const ref = `127.0.0.1:${matrix.port}/${name}:1`;
    const digest = digestIn(ours(matrix, "ours", ["push", name, ref]));
    assert.equal(digestAt(matrix, `docker://${ref}`), digest);
    podman("pull", "--quiet", "--tls-verify=false", ref);
    assert.equal(podman("image", "inspect", "--format={{.Digest}}", ref).trim(), digest);
    const layout = join(area, `oras-${form.replace(":", "-")}-${matrix.port}`);
    inRoot("oras", ["copy", "--from-plain-http", "--no-tty", "--to-oci-layout", ref, `${layout}:1`]);
    assert.equal(digestAt(matrix, `oci:${layout}:1`), digest);
    console.log(`ours, ${form}: read by skopeo, podman and oras`);
  }
}

/** Something attached by oras to our image comes along to another registry, and oras finds it there. */
function takeReferrers(matrix: Matrix, from: number, to: number): void {
  const note = join(area, "note.txt");
  writeFileSync(note, `a note from ${from} to ${to}\n`);
  const name = buildOurs(matrix, "gzip");
  const source = `127.0.0.1:${from}/noted/${from}-${to}:1`;
  const target = `127.0.0.1:${to}/taken/${from}-${to}:1`;
  const digest = digestIn(ours(matrix, "ours", ["push", name, source]));
  const attach = ["attach", "--plain-http", "--no-tty", "--disable-path-validation"];
  inRoot("oras", [...attach, "--artifact-type=application/x-note", source, `${note}:text/plain`]);
  assert.equal(digestIn(ours(matrix, "ours", ["copy", source, target, "--referrers"])), digest);
  const [before, after] = [source, target].map(referrers) as [readonly string[], readonly string[]];
  assert.equal(before.length, 1);
  assert.deepEqual(after, before);
  console.log(`referrers from ${from} to ${to}: taken along, found by oras`);
}

function referrers(ref: string): readonly string[] {
  const shown = JSON.parse(inRoot("oras", ["discover", "--plain-http", "--format=json", ref])) as {
    readonly manifests?: readonly { readonly digest: string }[];
    readonly referrers?: readonly { readonly digest: string }[];
  };
  return (shown.referrers ?? shown.manifests ?? []).map(({ digest }) => digest).sort();
}

try {
  await main();
} finally {
  rmSync(area, { recursive: true, force: true });
}
