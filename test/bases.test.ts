// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { foreignPrograms, makeForeignImage, skopeoCopy } from "./foreign-images.ts";
import { openPodman, podmanPrograms } from "./podman.ts";
import { ashlar, missing, must } from "./programs.ts";

// Images of mmdebstrap and umoci, in forms of skopeo, as bases: what they are must not change by a bit.
const area = mkdtempSync(join(tmpdir(), "ashlar-bases-"));
after(() => rmSync(area, { recursive: true, force: true }));
const at = (name: string): string => join(area, name);
const needed = { skip: missing(foreignPrograms) };

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}
interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}
interface Config {
  readonly config: Readonly<Record<string, unknown>>;
  readonly author?: string;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly object[];
}

const raw = (image: string): Manifest => JSON.parse(must("skopeo", ["inspect", "--raw", image])) as Manifest;
const configOf = (image: string): Config =>
  JSON.parse(must("skopeo", ["inspect", "--config", "--raw", image])) as Config;

/** Where each form of the one image lies in the project, and the digest that names it there. */
interface Place {
  readonly place: string;
  readonly digest: string;
}
let places: Readonly<Record<string, Place>> | undefined;

function make(): NonNullable<typeof places> {
  if (places !== undefined) return places;
  must("mkdir", ["-p", at("project/vendor")]);
  const layout = `oci:${makeForeignImage(at("made"))}:base`;
  const to = (kind: string, name: string, ...options: string[]): Place => {
    const place = `${kind}:vendor/${name}`;
    const digest = skopeoCopy(layout, `${kind}:${at("project/vendor")}/${name}`, options);
    return { place, digest: digest || inspect(`${kind}:${at("project/vendor")}/${name}`).digest };
  };
  const plain = to("docker-archive", "docker.tar:localhost/base:v1");
  const zstd = ["--dest-compress", "--dest-compress-format=zstd"];
  const archive = `docker-archive:${at("project/vendor/docker.tar")}:localhost/base:v1`;
  const zstdDigest = skopeoCopy(archive, `oci:${at("project/vendor/zstd")}:v1`, zstd);
  places = {
    gzip: to("oci", "gzip:v1"),
    zstd: { place: "oci:vendor/zstd:v1", digest: zstdDigest },
    archive: to("oci-archive", "gzip.tar:v1"),
    docker: plain,
  };
  return places;
}

function inspect(image: string): {
  readonly digest: string;
  readonly packages: readonly { readonly name: string }[];
} {
  const { status, out, err } = ashlar(at("store"), ["inspect", image, "--json"]);
  assert.equal(status, 0, err);
  return JSON.parse(out) as ReturnType<typeof inspect>;
}

const app = `app:
  - write: { to: /etc/hello, text: "hello\\n" }
  - write: { to: /srv/www/a, text: "another one\\n" }
config: { cmd: ["cat /etc/hello"], env: { A: "1" } }
`;

/** Builds on a place; returns Ashlar's end. */
function buildOn(
  { place, digest }: Place,
  { store = "store", args = [], rest = "" }: How = {},
): ReturnType<typeof ashlar> {
  const from = `from: { oci: "registry.example.com/base@${digest}", at: "${place}", debian: bookworm }`;
  const text = `ashlar: image/v1\nname: example/on-base\n${from}\n${rest || "system: { install: unpack }"}\n${app}`;
  writeFileSync(at("project/ashlar.yaml"), text);
  rmSync(at("project/ashlar.lock"), { force: true });
  return ashlar(at(store), ["build", at("project"), ...args]);
}

interface How {
  readonly store?: string;
  readonly args?: readonly string[];
  readonly rest?: string;
}

function built(name: string, how: How = {}): string {
  const out = `oci:${at(`out-${name}`)}:v1`;
  const { status, err } = buildOn(make()[name] as Place, {
    ...how,
    args: [`--output=${out}`, ...(how.args ?? [])],
  });
  assert.equal(status, 0, err);
  return out;
}

for (const [name, form] of [
  ["gzip", "zstd:chunked"],
  ["zstd", "gzip"],
  ["archive", "none"],
] as const) {
  test(`build keeps the layers, config and history of a foreign image (${name})`, needed, () => {
    const { place, digest } = make()[name] as Place;
    const base = place.replace("vendor", at("project/vendor"));
    const image = built(name, { args: [`--compression=${form}`] });
    const [below, above] = [raw(base), raw(image)];
    assert.ok(below.layers.length === 4 && above.layers.length === 5);
    assert.deepEqual(above.layers.slice(0, 4), below.layers);
    assert.equal(above.annotations?.["org.opencontainers.image.base.digest"], digest);
    assert.equal(above.annotations?.["org.opencontainers.image.base.name"], "registry.example.com/base");
    const [old, now] = [configOf(base), configOf(image)];
    assert.deepEqual(now.rootfs.diff_ids.slice(0, 4), old.rootfs.diff_ids);
    assert.deepEqual(now.history.slice(0, -1), old.history);
    assert.deepEqual(now.config, {
      ...old.config,
      Env: [...(old.config["Env"] as string[]), "A=1"],
      Cmd: ["cat /etc/hello"],
    });
    assert.equal(now.author, "somebody else");
  });
}

test("build on a docker-archive has its layers under their diffIds", needed, () => {
  const base = `docker-archive:${at("project/vendor/docker.tar")}:localhost/base:v1`;
  const image = built("docker");
  assert.deepEqual(
    raw(image)
      .layers.slice(0, 4)
      .map((layer) => layer.digest),
    configOf(base).rootfs.diff_ids,
  );
});

/** Path, kind, mode, owner, time, number of names and target; then extended attributes. */
function describe(root: string): string[] {
  const found = must("find", [root, "-mindepth", "1", "-printf", "%P %y %m %U:%G %T@ %n %l\\n"]);
  return [
    ...found.trim().split("\n").sort(),
    must("sh", ["-c", 'cd "$1" && getfattr -Rh -d -m - -e hex .', "sh", root]),
  ];
}

test("umoci's tree of base and our layers is our flat root, path for path", needed, () => {
  const image = built("gzip", { args: ["--compression=gzip", `--output=rootfs:${at("root")}`] });
  must("umoci", ["unpack", "--image", image.slice(4), at("unpacked")]);
  const theirs = join(at("unpacked"), "rootfs");
  const lines = describe(at("root"));
  assert.ok(lines.length > 2500);
  assert.deepEqual(describe(theirs), lines);
  must("diff", ["--recursive", "--no-dereference", theirs, at("root")]);
  assert.equal(readFileSync(join(theirs, "srv/www/b"), "utf8"), "one\n");
});

test("the image ID does not depend on how the base's layers are compressed, nor on the place", needed, () => {
  const ids = ["gzip", "zstd", "archive"].map((name) => raw(built(name)).config.digest);
  assert.equal(new Set(ids).size, 1);
});
