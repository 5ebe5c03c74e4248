// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { deflateSync } from "node:zlib";

import { digestOf } from "../src/base/index.ts";
import { describeRoot } from "./describe-root.ts";
import { openPodman, podmanPrograms, removePodman } from "./podman.ts";
import { ashlar, missing, must, run } from "./programs.ts";

// The nginx example, built from the real archive, as other people's programs see it.
const area = mkdtempSync(join(tmpdir(), "ashlar-interop-"));
after(() => removePodman(area));
const at = (name: string): string => join(area, name);

const example = at("nginx");
let built = false;

/** Builds every output once. The lock is made anew: what the archive has today is as good here as any other day's. */
function build(): void {
  if (built) return;
  must("cp", ["-r", join(import.meta.dirname, "../examples/nginx"), example]);
  rmSync(join(example, "ashlar.lock"));
  const archives = ["oci-archive:oci.tar:v1", "docker-archive:docker.tar:localhost/nginx:v1"];
  const outputs = ["oci:oci:v1", ...archives, "rootfs:root"];
  buildAs("zstd:chunked", outputs);
  buildAs("gzip", ["oci:gzip:v1"]);
  buildAs("none", ["oci:none:v1"]);
  built = true;
}

function buildAs(compression: string, outputs: readonly string[]): void {
  const places = outputs.map((output) => output.replace(":", `:${area}/`)).flatMap((place) => ["--output", place]);
  const form = [`--compression=${compression}`, "--platform=linux/amd64"];
  const { status, err } = ashlar(at("store"), ["build", example, ...form, ...places]);
  assert.equal(status, 0, err);
}

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly annotations?: Readonly<Record<string, string>> }[];
}

const blob = (layout: string, digest: string): string => join(at(layout), "blobs/sha256", digest.slice(7));
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

function manifestOf(layout: string): Manifest {
  const index = readJson(join(at(layout), "index.json")) as { manifests: readonly { digest: string }[] };
  return readJson(blob(layout, index.manifests[0]?.digest ?? "")) as Manifest;
}

for (const [transport, place, compared] of [
  ["oci", "oci:v1", true],
  ["oci-archive", "oci.tar:v1", true],
  ["docker-archive", "docker.tar:localhost/nginx:v1", false],
] as const) {
  test(`skopeo inspects and copies ${transport} of a real image`, { skip: missing(["skopeo"], false) }, () => {
    build();
    const source = `${transport}:${at(place)}`;
    const config = must("skopeo", ["inspect", "--config", "--raw", source]);
    assert.equal(digestOf(config), manifestOf("oci").config.digest);
    const dir = at(`copy-${transport}`);
    must("skopeo", ["copy", "--insecure-policy", source, `dir:${dir}`]);
    const manifest = readFileSync(join(dir, "manifest.json"));
    if (compared) assert.equal(digestOf(manifest), digestOf(JSON.stringify(manifestOf("oci"))));
  });
}

const unpackers = ["umoci", "getfattr", "find"];
const flatTitle = "umoci's tree of the stacked layers is our flat root and our checkout, path for path";
test(flatTitle, { skip: missing(unpackers) }, () => {
  build();
  const { status, err } = ashlar(at("store"), ["checkout", "example/nginx", at("linked"), "--platform=linux/amd64"]);
  assert.equal(status, 0, err);
  for (const form of ["gzip", "none"]) {
    must("umoci", ["unpack", "--image", `${at(form)}:v1`, at(`umoci-${form}`)]);
    const theirs = join(at(`umoci-${form}`), "rootfs");
    const ours = describeRoot(at("root"));
    assert.ok(ours.length > 500);
    assert.deepEqual(describeRoot(theirs), ours);
    assert.deepEqual(describeRoot(at("linked")), ours);
    must("diff", ["--recursive", "--no-dereference", theirs, at("linked")]);
    must("diff", ["--recursive", "--no-dereference", theirs, at("root")]);
  }
});

test("GNU tar lists the plain layers without a word", { skip: missing(["tar"], false) }, () => {
  build();
  const names = manifestOf("none").layers.flatMap(({ digest }) => {
    const { status, out, err } = run("tar", ["--list", "--file", blob("none", digest)]);
    assert.deepEqual([status, err], [0, ""]);
    return out.split("\n");
  });
  assert.ok(names.includes("usr/sbin/nginx"));
  assert.ok(names.includes("srv/www/index.html"));
});

test("podman loads both archives under the config's digest and runs them", { skip: missing(podmanPrograms) }, () => {
  build();
  const podman = openPodman(at("podman"));
  podman.load(at("docker.tar"));
  podman.load(at("oci.tar"));
  const id = manifestOf("oci").config.digest;
  assert.equal(podman.podman(["image", "inspect", "--format={{.Id}}", "localhost/nginx:v1"]).trim(), id.slice(7));
  assert.deepEqual(new Set(podman.podman(["images", "--quiet", "--no-trunc"]).trim().split("\n")), new Set([id]));
  const options = ["--entrypoint=/usr/sbin/nginx"];
  podman.run(id.slice(7), { options, command: ["-t"] });
});

const scanners = { skip: missing(["dpkg-query", "debsecan"], false) };
test("dpkg-query and debsecan read the packages of status.d", scanners, () => {
  build();
  const status = join(at("root"), "var/lib/dpkg/status.d");
  const stanzas = readdirSync(status).filter((name) => !name.endsWith(".md5sums")).sort();
  const text = stanzas.map((name) => readFileSync(join(status, name), "utf8").trimEnd()).join("\n\n");
  mkdirSync(join(at("admin"), "info"), { recursive: true });
  mkdirSync(join(at("admin"), "updates"));
  writeFileSync(join(at("admin"), "status"), `${text}\n`);
  const query = ["--admindir", at("admin"), "--show", "--showformat=${Package} ${db:Status-Abbrev}\n"];
  const shown = must("dpkg-query", query).trimEnd().split("\n").map((line) => line.trim()).sort();
  assert.equal(shown.length, stanzas.length);
  assert.ok(shown.includes("nginx ii"));
  // A fault invented for the test, in debsecan's own data format: fixed in a version that does not exist yet.
  const facts = "VERSION 1\nCVE-2000-0001,,invented\n\nnginx,0,S  F,99:1,\n\nnginx,nginx nginx-common\n\n";
  mkdirSync(at("facts/release"), { recursive: true });
  writeFileSync(at("facts/release/GENERIC"), deflateSync(facts));
  writeFileSync(at("facts/release/bookworm"), deflateSync(facts));
  const source = ["--source", `file://${at("facts")}/release`, "--suite", "bookworm"];
  const report = must("debsecan", [...source, "--status", join(at("admin"), "status")]);
  assert.match(report, /CVE-2000-0001 nginx/);
});
