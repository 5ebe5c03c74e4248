// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, suite, test, type TestContext } from "node:test";

import { type FullRig, openFullRig, readText } from "./full-rig.ts";
import { openPodman, podmanPrograms } from "./podman.ts";
import { missing, must } from "./programs.ts";

// One base of Debian's own packages for all tests; what is odd comes from an archive on the loopback interface.
const skip = missing(["dpkg", "getcap", "getfattr", "setpriv", "taskset"]);
let opened: FullRig | undefined;
const rig = async (): Promise<FullRig> => (opened ??= await openFullRig());
after(() => opened?.close());

const names = ["odd-tool", "odd-early", "odd-busy", "odd-trigger", "odd-signal", "odd-daemon", "odd-ask"];
const debconf = { "odd-ask/word": "good" };
let built: Promise<{ readonly root: string; readonly digest: string }> | undefined;

/** The image that most tests look at. */
async function image(): Promise<{ readonly root: string; readonly digest: string }> {
  built ??= rig().then((one) => one.build(one.project("all", { packages: names, debconf })));
  return built;
}

test(
  "install: full leaves dpkg's database complete, and lets dpkg find nothing to complain about",
  { skip },
  async () => {
    const { root } = await image();
    assert.equal(must("dpkg", [`--root=${root}`, "--audit"]), "");
    const states = must("dpkg-query", [`--admindir=${root}/var/lib/dpkg`, "-W", "-f=${Status}\n"]);
    assert.deepEqual([...new Set(states.trim().split("\n"))], ["install ok installed"]);
    const odd = must("dpkg-query", [`--admindir=${root}/var/lib/dpkg`, "-W", "-f=${Package}\n", "odd-*"]);
    assert.deepEqual(odd.trim().split("\n").sort(), [...names].sort());
  },
);

test(
  "install: full runs a preinst when what it pre-depends on is configured and before its files come",
  { skip },
  async () => {
    const { root } = await image();
    assert.equal(readText(root, "etc/odd-early.preinst"), "install odd-early preinst all []\n");
    assert.equal(readText(root, "etc/odd-early.conf"), "as shipped\n");
  },
);

test("install: full follows a diversion that a preinst adds", { skip }, async () => {
  const { root } = await image();
  assert.equal(readText(root, "usr/share/odd/shared"), "of odd-early\n");
  assert.equal(readText(root, "usr/share/odd/shared.diverted"), "of odd-tool\n");
});

test(
  "install: full keeps owners, overrides, alternatives, capabilities and attributes that scripts set",
  { skip },
  async () => {
    const { root } = await image();
    const [, , uid, gid] = /^(odd):[^:]*:(\d+):(\d+):/m.exec(readText(root, "etc/passwd")) ?? [];
    const stat = lstatSync(join(root, "usr/bin/odd-busy"));
    assert.deepEqual([stat.mode & 0o7777, String(stat.uid)], [0o2750, uid]);
    const home = lstatSync(join(root, "var/lib/odd"));
    assert.deepEqual([home.mode & 0o7777, String(home.uid), String(home.gid)], [0o2770, uid, gid]);
    assert.equal(readlinkSync(join(root, "etc/alternatives/odd")), "/usr/bin/odd-busy");
    assert.match(must("getcap", [join(root, "usr/lib/odd/capable")]), /cap_net_bind_service=ep/);
    const attribute = ["--only-values", "-n", "user.odd", join(root, "var/lib/odd/data/one")];
    assert.equal(must("getfattr", ["--absolute-names", ...attribute]), "value");
    assert.match(readText(root, "etc/shadow"), /^odd:!/m);
  },
);

test("install: full keeps links, removals, pipes and names of any bytes; sockets go", { skip }, async () => {
  const { root } = await image();
  const home = join(root, "var/lib/odd");
  assert.equal(readlinkSync(join(root, "usr/lib/odd/data")), "../../../var/lib/odd/data");
  assert.equal(lstatSync(join(home, "data/one")).ino, lstatSync(join(root, "usr/lib/odd/again")).ino);
  for (const gone of ["usr/share/base-files/info.dir", "usr/share/doc/base-files"]) {
    assert.ok(!existsSync(join(root, gone)), gone);
  }
  assert.ok(lstatSync(join(home, "fifo")).isFIFO());
  const found = readdirSync(home, { encoding: "buffer" }).map((name) => name.toString("latin1"));
  assert.deepEqual(found.sort(), ["data", "fifo", "latin\xe4", "line\nfeed", "with space"]);
});

test("install: full processes the triggers of packages that are there already", { skip }, async () => {
  const [configured, triggered = "", ...rest] = readText((await image()).root, "var/lib/odd-trigger/log")
    .trim()
    .split("\n");
  assert.deepEqual([configured?.trim(), rest], ["configure", []]);
  const [word, quoted] = [triggered.slice(0, 9), triggered.slice(10)];
  assert.deepEqual(
    [word, quoted.split(" ").sort()],
    ["triggered", ["/usr/share/odd.d", "odd-late", "odd-signal"]],
  );
});

test(
  "install: full starts no services, ends what scripts leave running, and takes its stubs back",
  { skip },
  async () => {
    const { root } = await image();
    assert.equal(readText(root, "etc/odd-daemon"), "policy 101\n");
    assert.ok(!existsSync(join(root, "etc/odd-late")));
    assert.ok(!existsSync(join(root, "usr/sbin/policy-rc.d")));
    assert.equal(must("dpkg", [`--root=${root}`, "--verify", "dpkg"]), "");
    const commands = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((id) => readIfThere(`/proc/${id}/cmdline`));
    assert.ok(commands.length > 1 && !commands.includes(["sleep", "1000", ""].join("\0")));
  },
);

test(
  "a failing script names its package and its words, keeps the log, and leaves nothing behind",
  { skip },
  async () => {
    const { project, ashlar, build, store } = await rig();
    await image();
    const wrong = project("failing", { packages: ["odd-ask"], debconf: { "odd-ask/word": "wrong" } });
    const { status, out } = await ashlar(["build", wrong, "--json"]);
    const { error } = JSON.parse(out) as { error: Record<string, string> & { because: string[] } };
    assert.equal(status, 1);
    assert.equal(error["code"], "ASSEMBLE_SCRIPT_FAILED");
    assert.match(error["message"] ?? "", /package "odd-ask"/);
    assert.ok(error.because.includes("the word is wrong"), error.because.join("\n"));
    const kept = /the whole log is in "(.*)"/.exec(error.because.join("\n"))?.[1] ?? "";
    assert.match(readFileSync(kept, "utf8"), /^the word is wrong$/m);
    const fsck = await ashlar(["store", "fsck"]);
    assert.equal(fsck.status, 0, fsck.err);
    const images = await ashlar(["inspect", "odd", "--json"]);
    assert.equal(images.status, 0, images.err);
    assert.deepEqual(readdirSync(join(store, "tmp")), []);
    const right = project("failing", { packages: ["odd-ask"], debconf });
    assert.equal(readText((await build(right)).root, "etc/odd-ask"), "good, as before\n");
  },
);

/** Where the machine cannot run a backend that is said, and in CI a fault. */
async function buildWith(
  t: TestContext,
  backend: string,
  how: { store: string; wrapper: readonly string[] },
) {
  const { project, build, ashlar } = await rig();
  const { digest } = await image();
  const again = project("all", { packages: [...names].reverse(), debconf });
  const env = { ASHLAR_SANDBOX: backend };
  if (
    !process.env["CI"] &&
    (await ashlar(["build", again], { ...how, env })).err.includes("SANDBOX_UNAVAILABLE")
  ) {
    return t.skip(`${backend} does not work here`);
  }
  assert.equal((await build(again, { ...how, env })).digest, digest);
}

suite("install: full gives one digest", { concurrency: 2 }, () => {
  const coldTitle = "by runc on one processor in a cold store, the names in another order";
  test(coldTitle, { skip: skip || missing(["runc"]) }, async (t) => {
    await image();
    const store = await (await rig()).newStore("store-runc", "cold");
    await buildWith(t, "runc", { store, wrapper: ["taskset", "-c", "0"] });
  });

  test("by bwrap", { skip: skip || missing(["bwrap"]) }, async (t) => {
    await image();
    const store = await (await rig()).newStore("store-bwrap", "unpacked");
    await buildWith(t, "bwrap", { store, wrapper: [] });
  });

  const rootless = skip || missing(["newuidmap", "unshare"]);
  test("to a user who is not root", { skip: rootless }, async () => {
    const { dir, project, newStore, build } = await rig();
    const { digest } = await image();
    const home = await newStore("store-rootless", "unpacked");
    const own = project("rootless", { packages: [...names].sort(), debconf });
    must("chown", ["-R", "65534:65534", home, own]);
    chmodSync(dir, 0o711);
    writeFileSync(join(dir, "subid"), "nobody:1000000000:65536\n");
    const script = `mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid &&
    exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;
    const wrapper = ["unshare", "--mount", "sh", "-c", script, join(dir, "subid")];
    const env = { HOME: home, TMPDIR: home, NODE_COMPILE_CACHE: "" };
    const how = { store: home, wrapper, env, output: false };
    assert.equal((await build(own, how)).digest, digest);
  });
});

/** A process may end while it is looked at. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

let reduced: Promise<{ readonly root: string; readonly digest: string }> | undefined;

async function distroless(): Promise<{ readonly root: string; readonly digest: string }> {
  await image();
  const spec = { base: "none", packages: ["odd-plain", "ca-certificates"] } as const;
  reduced ??= rig().then((one) => one.build(one.project("distroless", spec)));
  return reduced;
}

test(
  "base: none with install: full keeps the chosen packages and what their scripts made",
  { skip },
  async () => {
    const { root } = await distroless();
    const bundle = readText(root, "etc/ssl/certs/ca-certificates.crt");
    assert.ok((bundle.match(/BEGIN CERTIFICATE/g) ?? []).length > 100);
    assert.equal(readText(root, "var/lib/odd/state"), "made\n");
    assert.match(readText(root, "etc/passwd"), /^root:[^]*^odd:x:500/m);
    assert.equal(readlinkSync(join(root, "usr/lib/odd/chosen")), "/etc/alternatives/odd-chosen");
    assert.equal(readlinkSync(join(root, "etc/alternatives/odd-chosen")), "/usr/lib/odd/plain");
    assert.deepEqual(readdirSync(join(root, "etc/alternatives")), ["odd-chosen"]);
  },
);

test(
  "base: none with install: full has no tool that was there for scripts alone, nor its state",
  { skip },
  async () => {
    const { root } = await distroless();
    const gone = [
      "usr/bin/sh",
      "usr/bin/bash",
      "usr/bin/perl",
      "usr/bin/dpkg",
      "usr/bin/awk",
      "etc/rc2.d",
      "etc/shells",
    ];
    const state = ["var/lib/dpkg/status", "var/lib/dpkg/info", "var/cache/debconf", "etc/pam.d"];
    assert.deepEqual(
      [...gone, ...state].filter((path) => existsSync(join(root, path))),
      [],
    );
    const cached = must("/sbin/ldconfig", ["-p", "-C", join(root, "etc/ld.so.cache")]);
    const libraries = [...cached.matchAll(/=> \/(\S+)$/gm)].map((match) => match[1] as string);
    assert.ok(libraries.some((path) => path.endsWith("/libcrypto.so.3")));
    const inRoot = (path: string): string => join(root, path.startsWith("lib") ? "usr" : "", path);
    assert.deepEqual(
      libraries.filter((path) => !lstatSync(inRoot(path), { throwIfNoEntry: false })),
      [],
    );
    const installed = readdirSync(join(root, "var/lib/dpkg/status.d")).filter(
      (name) => !name.endsWith(".md5sums"),
    );
    assert.ok(installed.includes("odd-plain") && !installed.includes("dpkg"), installed.join(" "));
  },
);

test(
  "base: none with install: full runs in podman's container",
  { skip: skip || missing(podmanPrograms) },
  async () => {
    const { dir, ashlar } = await rig();
    await distroless();
    const archive = join(dir, "distroless.tar");
    const output = `docker-archive:${archive}:localhost/distroless:test`;
    const { status, err } = await ashlar(["build", join(dir, "distroless"), `--output=${output}`]);
    assert.equal(status, 0, err);
    const podman = openPodman(join(dir, "podman"));
    podman.load(archive);
    const said = podman.run("localhost/distroless:test", {
      options: [],
      command: ["/usr/bin/openssl", "version"],
    });
    assert.match(said, /^OpenSSL 3/);
  },
);
