// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { startDockerRegistry } from "../docker-registry.ts";
import { ashlar, must } from "../programs.ts";
import { openCountingProxy } from "./counting-proxy.ts";

/**
 * `sh tools/run test/long/partial-pull.ts [--root DIR]`, as root: podman 5 of trixie (in DIR, else a root that
 * mmdebstrap makes) pulls image A and then B, A and three packages in other layers, from docker-registry.
 * Of B it may take only what A has not: at most 1.4 MB. No layer of B is one of A's: B leaves lintian's files
 * out, so its base layer is another one too.
 */
const bytesMax = 1_400_000;
const area = mkdtempSync(join(tmpdir(), "ashlar-partial-"));

const storage = `[storage]
driver = "overlay"
graphroot = "/mnt/root"
runroot = "/run/containers"
[storage.options.pull_options]
enable_partial_images = "true"
use_hard_links = "true"
`;

const spec = (name: string, packages: string, more: string): string => `ashlar: image/v1
name: ${name}
from: debian:bookworm
platforms: [linux/amd64]
system: { base: minbase, install: unpack, packages: [${packages}]${more} }
expect: { closure: warn }
layers: { packages: ${more === "" ? 1 : 3} }
`;

function trixie(): string {
  const at = process.argv.indexOf("--root");
  const given = at < 0 ? undefined : process.argv[at + 1];
  if (given !== undefined) return given;
  const root = join(area, "trixie");
  const include = "--include=podman,crun,ca-certificates,netavark";
  const mirror = process.env["ASHLAR_MIRROR"];
  must("mmdebstrap", ["--variant=apt", include, "trixie", root, ...(mirror ? [mirror] : [])]);
  return root;
}

/** Builds and pushes an image; the digests of its layers. */
function push(name: string, packages: string, more: string, port: number): readonly string[] {
  const dir = join(area, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "ashlar.yaml"), spec(name, packages, more));
  const output = `oci:${join(area, `${name}.oci`)}:v1`;
  const { status, err } = ashlar(join(area, "store"), ["build", dir, "--output", output]);
  assert.equal(status, 0, err);
  const to = [`oci:${join(area, `${name}.oci`)}:v1`, `docker://127.0.0.1:${port}/${name}:v1`];
  must("skopeo", ["copy", "--insecure-policy", "--preserve-digests", "--dest-tls-verify=false", ...to]);
  const seen = JSON.parse(ashlar(join(area, "store"), ["inspect", name, "--json"]).out) as {
    layers: { digest: string }[];
  };
  return seen.layers.map((layer) => layer.digest);
}

async function main(): Promise<void> {
  const root = trixie();
  for (const name of ["etc", "tmp", "root"]) mkdirSync(join(area, name));
  writeFileSync(join(area, "etc/storage.conf"), storage);
  writeFileSync(join(area, "etc/policy.json"), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const registry = await startDockerRegistry(join(area, "registry"));
  const { port } = registry;
  const proxy = await openCountingProxy(port);
  try {
    const layersOfA = push("a", "curl", "", port);
    const layersOfB = push("b", "curl, jq", ", strip: [lintian]", port);
    assert.ok(layersOfB.length >= 3 && !layersOfB.some((digest) => layersOfA.includes(digest)), "no layer is shared");
    const script = join(import.meta.dirname, "pull-apart.sh");
    const pull = async (name: string): Promise<number> => {
      const image = `127.0.0.1:${proxy.port}/${name}:v1`;
      await promisify(execFile)("unshare", ["--mount", "sh", script, root, area, image]);
      return proxy.taken();
    };
    const first = await pull("a");
    const second = await pull("b");
    console.log(`A into an empty store ${first} bytes, B into a store that holds A ${second} bytes`);
    assert.ok(second <= bytesMax, `B took ${second} bytes, at most ${bytesMax}`);
  } finally {
    proxy.close();
    await registry.close();
  }
}

try {
  await main();
} finally {
  rmSync(area, { recursive: true, force: true });
}
