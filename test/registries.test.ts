// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { digestOf } from "../src/base/index.ts";
import { type RunningRegistry, startDockerRegistry } from "./docker-registry.ts";
import { archiveMakers, makers, makeSmallRoot } from "./foreign-makers.ts";
import { openPodman, podmanPrograms } from "./podman.ts";
import { missing, must } from "./programs.ts";
import { buildOurs, describeTree, digestAt, digestIn, type Matrix, ours, readForeign } from "./registry-matrix.ts";

// Images on their way through Debian's docker-registry, between us and the programs of this release.
const always = ["docker-registry", "skopeo", "busybox", "tar"];
const dir = mkdtempSync(join(tmpdir(), "ashlar-registries-"));
const forms = ["zstd:chunked", "zstd", "gzip", "none"];
let registry: RunningRegistry | undefined;
let matrix: Matrix = { dir, port: 0, run: must };

before(async () => {
  if (missing(always) !== false) return;
  registry = await startDockerRegistry(join(dir, "registry"));
  matrix = { ...matrix, port: registry.port };
});

after(async () => {
  await registry?.close();
  rmSync(dir, { recursive: true, force: true });
});

const pushed = new Map<string, { readonly ref: string; readonly digest: string }>();

/** Our image in a form, pushed once. */
function push(form: string): { readonly ref: string; readonly digest: string } {
  const before = pushed.get(form);
  if (before !== undefined) return before;
  const name = buildOurs(matrix, form);
  const ref = `127.0.0.1:${matrix.port}/${name}:1`;
  const one = { ref, digest: digestIn(ours(matrix, "ours", ["push", name, ref])) };
  pushed.set(form, one);
  return one;
}

describe("what we push", () => {
  for (const form of forms) {
    test(`skopeo reads ${form} layers without a change of a digest`, { skip: missing(always) }, () => {
      const { ref, digest } = push(form);
      assert.equal(digestAt(matrix, `docker://${ref}`), digest);
      const out = join(dir, `skopeo-${form}`);
      const options = ["--quiet", "--insecure-policy", "--src-tls-verify=false"];
      must("skopeo", ["copy", ...options, `docker://${ref}`, `dir:${out}`]);
      const manifest = readFileSync(join(out, "manifest.json"));
      assert.equal(digestOf(manifest), digest);
      const { layers } = JSON.parse(String(manifest)) as { layers: { digest: string }[] };
      for (const layer of layers) {
        assert.equal(digestOf(readFileSync(join(out, layer.digest.slice(7)))), layer.digest);
      }
    });

    test(`podman pulls and runs ${form} layers`, { skip: missing([...always, ...podmanPrograms]) }, () => {
      const { ref, digest } = push(form);
      const podman = openPodman(join(dir, "podman"));
      podman.podman(["pull", "--quiet", "--tls-verify=false", ref]);
      assert.equal(podman.podman(["image", "inspect", "--format={{.Digest}}", ref]).trim(), digest);
      assert.equal(podman.run(ref, { options: [], command: ["cat", "/etc/note"] }), `${form}\n`);
    });

    test(`another store pulls ${form} layers and pushes them on`, { skip: missing(always) }, () => {
      const { ref, digest } = push(form);
      const name = `pulled/${form.replace(":", "-")}`;
      assert.equal(digestIn(ours(matrix, "pulled", ["pull", ref, "--name", name])), digest);
      const again = `127.0.0.1:${matrix.port}/${name}:2`;
      assert.equal(digestIn(ours(matrix, "pulled", ["push", name, again])), digest);
      assert.equal(digestAt(matrix, `docker://${again}`), digest);
    });
  }

  for (const form of ["gzip", "none"]) {
    test(`umoci unpacks ${form} layers to what we check out`, { skip: missing([...always, "umoci"]) }, () => {
      const { ref } = push(form);
      const at = (part: string): string => join(dir, `${part}-${form}`);
      const [layout, bundle, linked] = [at("layout"), at("bundle"), at("linked")];
      const options = ["--quiet", "--insecure-policy", "--src-tls-verify=false"];
      must("skopeo", ["copy", ...options, `docker://${ref}`, `oci:${layout}:v1`]);
      must("umoci", ["unpack", "--image", `${layout}:v1`, bundle]);
      ours(matrix, "ours", ["checkout", `ours/${form}`, linked]);
      assert.deepEqual(describeTree(join(bundle, "rootfs")), describeTree(linked));
    });
  }
});

describe("what others push", () => {
  for (const [number, maker] of makers.entries()) {
    const skip = missing([...always, ...maker.programs]);
    test(`we read and pass on ${maker.name}`, { skip }, () => readForeign(matrix, maker, number));
  }
});

describe("what others save", () => {
  for (const [number, { name, kind, programs, make }] of archiveMakers.entries()) {
    test(`we read ${kind} of ${name}`, { skip: missing([...always, ...programs]) }, () => {
      const own = join(dir, `saved-${number}`);
      mkdirSync(own);
      const { tree, tar } = makeSmallRoot(own, `${kind} ${name}`);
      const file = join(own, "saved.tar");
      make({ run: must, dir: own, tar }, file);
      const image = `saved/${name.replace(" ", "-")}-${kind}`;
      const made = digestIn(ours(matrix, "saved", ["import", `${kind}:${file}`, "--name", image]));
      const ref = `127.0.0.1:${matrix.port}/${image}:1`;
      assert.equal(digestIn(ours(matrix, "saved", ["push", image, ref])), made);
      const config = (place: string): string =>
        digestOf(must("skopeo", ["inspect", "--tls-verify=false", "--config", "--raw", place]));
      // Manifests of docker's archives are made anew by their readers: what stays is the image's ID.
      assert.equal(config(`docker://${ref}`), config(`${kind}:${file}`));
      if (kind === "oci-archive") assert.equal(digestAt(matrix, `oci-archive:${file}`), made);
      ours(matrix, "saved", ["checkout", image, join(own, "checkout")]);
      assert.deepEqual(describeTree(join(own, "checkout")), describeTree(tree));
    });
  }
});
