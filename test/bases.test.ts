// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { parseLock } from "../src/lock/index.ts";
import { foreignPrograms, makeForeignImage, skopeoCopy } from "./foreign-images.ts";
import { openPodman, podmanPrograms } from "./podman.ts";
import { ashlar, missing, must } from "./programs.ts";

// Images of mmdebstrap and umoci, in forms of skopeo, as bases: what they are must not change by a bit.
const area = mkdtempSync(join(tmpdir(), "ashlar-bases-"));
after(() => rmSync(area, { recursive: true, force: true }));
const at = (name: string): string => join(area, name);
const needed = { skip: missing(foreignPrograms) };
const withPodman = { skip: missing([...foreignPrograms, ...podmanPrograms]) };

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

interface Changes {
  readonly packages: { readonly added: object[]; readonly removed: object[]; readonly changed: object[] };
  readonly files: {
    readonly added: readonly { readonly path: string }[];
    readonly removed: object[];
    readonly changed: readonly { readonly path: string; readonly what: readonly string[] }[];
  };
}

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

const ids = new Set<string>();
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
    ids.add(above.config.digest);
    assert.equal(ids.size, 1, "the image ID depends neither on compression nor on the place");
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
  assert.ok(lines.length > 1500);
  assert.deepEqual(describe(theirs), lines);
  must("diff", ["--recursive", "--no-dereference", theirs, at("root")]);
  assert.equal(readFileSync(join(theirs, "srv/www/b"), "utf8"), "one\n");
});

/** Loads an archive into a podman of its own; what is returned runs the image there. */
function podmanOf(archive: string): (...command: string[]) => string {
  const podman = openPodman(at(`podman-${archive}`));
  podman.load(at(archive));
  const id = podman.podman(["images", "--quiet", "--no-trunc"]).trim().replace("sha256:", "");
  return (...command) => podman.run(id, { options: [], command });
}

test(
  "packages go on top of those that dpkg's status of the base has, and podman runs them",
  withPodman,
  () => {
    const rest = "system: { install: unpack, packages: [less, libtinfo6] }";
    const archive = `--output=oci-archive:${at("unpack.tar")}`;
    const image = built("gzip", { rest, args: ["--compression=gzip", archive] });
    assert.deepEqual(lockedNames(), ["less"]);
    const layer = raw(image).layers[4]?.digest.slice(7) as string;
    const files = must("tar", ["-tzf", join(at("out-gzip"), "blobs/sha256", layer)])
      .trim()
      .split("\n");
    const ours = files.filter((name) => !name.endsWith("/"));
    assert.ok(ours.includes("usr/bin/less") && ours.every((name) => name.includes("less")), ours.join(" "));
    const run = podmanOf("unpack.tar");
    assert.equal(run(), "hello\n");
    const said = run(
      "echo $FOO $A; pwd; cat /srv/www/a /srv/www/b; ls /usr/share/misc; less --version | head -1 | cut -c1-5",
    );
    assert.equal(said, "bar 1\n/srv\nanother one\none\nfile\nless \n");
    const names = inspect("example/on-base").packages.map((item) => item.name);
    for (const name of ["less", "dpkg", "libtinfo6"])
      assert.equal(names.filter((other) => other === name).length, 1);
  },
);

function lockedNames(): string[] {
  const { images } = parseLock(readFileSync(at("project/ashlar.lock")), "ashlar.lock");
  return (images[0]?.packages ?? []).map((item) => item.name);
}

test("a package of the base stays at its version: what needs a newer one is refused", needed, () => {
  const { status, err } = buildOn(make()["gzip"] as Place, {
    rest: 'system: { install: unpack, packages: ["dpkg (>= 99)"] }',
  });
  assert.equal(status, 1);
  assert.match(err, /error\[SOLVER_IMPOSSIBLE\].*dpkg \(>= 99\)".*the base has 1\./);
});

test("install: full runs scripts on a base of dpkg, whose database goes on", withPodman, () => {
  const rest = "system: { install: full, packages: [less] }";
  const args = ["--compression=gzip", `--output=oci-archive:${at("full.tar")}`];
  assert.equal(buildOn(make()["gzip"] as Place, { rest, args }).status, 0);
  const said = podmanOf("full.tar")(
    "dpkg --audit; dpkg-query -W -f '${Status}\\n' less dpkg; readlink /etc/alternatives/pager",
  );
  assert.equal(said, "install ok installed\ninstall ok installed\n/usr/bin/less\n");
});

test("inspect, tree, why, cat and diff know what came with the base", needed, () => {
  const image = built("gzip");
  const look = (...args: string[]): string => {
    const { status, out, err } = ashlar(at("store"), args);
    assert.equal(status, 0, err);
    return out;
  };
  const names = inspect("example/on-base").packages.map((item) => item.name);
  assert.ok(names.includes("dpkg") && names.length > 50);
  assert.deepEqual(inspect(image).packages, inspect("example/on-base").packages);
  assert.equal(look("cat", "example/on-base", "/srv/www/b"), "one\n");
  assert.match(look("why", "example/on-base", "/usr/bin/dpkg"), /package dpkg\n.*came with the image/);
  assert.match(look("why", "example/on-base", "/srv/www/b"), /no package has it/);
  const base = (make()["gzip"] as Place).place.replace("vendor", at("project/vendor"));
  const { files, packages } = JSON.parse(look("diff", base, "example/on-base", "--json")) as Changes;
  assert.deepEqual([packages.added, packages.removed, packages.changed], [[], [], []]);
  assert.deepEqual([files.added.map(({ path }) => path), files.removed], [["etc/hello"], []]);
  assert.deepEqual(
    files.changed.map(({ path, what }) => [path, what]),
    [
      ["srv/www/a", ["content", "mtime", "xattrs"]],
      ["srv/www/b", ["links"]],
    ],
  );
});

test("an image of the store is a base by its digest alone, and a check's second build gets it too", () => {
  must("mkdir", ["-p", at("below"), at("above")]);
  const write = (dir: string, lines: readonly string[]): void =>
    writeFileSync(
      at(`${dir}/ashlar.yaml`),
      ["ashlar: image/v1", `name: example/${dir}`, ...lines, ""].join("\n"),
    );
  const build = (dir: string, ...args: string[]): string => {
    const { status, out, err } = ashlar(at("own-store"), ["build", at(dir), ...args]);
    assert.equal(status, 0, err);
    return out.trim().split("@").at(-1) as string;
  };
  const entry = "app: [{ write: { to: /etc/below, text: below } }]";
  write("below", [
    "from: scratch",
    "platforms: [linux/amd64, linux/arm64]",
    entry,
    "config: { env: { A: a } }",
  ]);
  const digest = build("below", "--compression=gzip");
  const app = "app: [{ write: { to: /etc/above, text: above } }]";
  const both = "platforms: [linux/amd64, linux/arm64]";
  write("above", [`from: { oci: "example/below@${digest}" }`, both, "system: { install: unpack }", app]);
  build("above", "--check", `--output=oci:${at("own")}`);
  ashlar(at("own-store"), ["store", "gc", "--grace=0"]);
  write("above", [
    `from: { oci: "example/below@${digest}" }`,
    "platforms: [linux/s390x]",
    "system: { install: unpack }",
  ]);
  const { status, err } = ashlar(at("own-store"), ["build", at("above")]);
  assert.equal(status, 1);
  assert.match(err, /BUILD_BASE_PLATFORM.*linux\/s390x.*it has linux\/amd64, linux\/arm64/);
});
